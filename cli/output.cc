#include "cli/output.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <google/protobuf/util/json_util.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/emitter.h>

#include "common/base/text.h"

namespace rekindle::cli {
namespace {

using OrderedJson = nlohmann::ordered_json;

// Characters, not bytes: continuation bytes of UTF-8 take no column.
size_t Columns(absl::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

// True for text that every YAML reader takes as a string without quotes.
bool PlainInYaml(absl::string_view text) {
  static constexpr std::array<absl::string_view, 10> kWords = {"true", "false", "yes", "no", "on",
                                                               "off",  "null",  "y",   "n",  ""};
  if (text.empty() || !absl::ascii_isalpha(text[0]) || text.back() == ':') return false;
  const std::string lower = absl::AsciiStrToLower(text);
  if (std::find(kWords.begin(), kWords.end(), lower) != kWords.end()) return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/' || c == ':';
  });
}

template <typename Tree>
void Emit(const Tree& json, YAML::Emitter& out) {
  if (json.is_object()) {
    if (json.empty()) out << YAML::Flow;
    out << YAML::BeginMap;
    for (const auto& [key, value] : json.items()) {
      out << YAML::Key;
      if (!PlainInYaml(key)) out << YAML::DoubleQuoted;
      out << key << YAML::Value;
      Emit(value, out);
    }
    out << YAML::EndMap;
  } else if (json.is_array()) {
    if (json.empty()) out << YAML::Flow;
    out << YAML::BeginSeq;
    for (const Tree& value : json) Emit(value, out);
    out << YAML::EndSeq;
  } else if (json.is_string()) {
    const auto& text = json.template get_ref<const std::string&>();
    if (!PlainInYaml(text)) out << YAML::DoubleQuoted;
    out << text;
  } else {
    out << json.dump();
  }
}

template <typename Tree>
std::string JsonText(const Tree& tree, bool compact) {
  return tree.dump(compact ? -1 : 2, ' ', false, Tree::error_handler_t::replace) + "\n";
}

template <typename Tree>
std::string YamlText(const Tree& tree) {
  YAML::Emitter out;
  Emit(tree, out);
  return absl::StrCat(out.c_str(), "\n");
}

const char* ColorCode(Color color) {
  switch (color) {
    case Color::kGreen:
      return "\x1b[32m";
    case Color::kYellow:
      return "\x1b[33m";
    case Color::kRed:
      return "\x1b[31m";
    case Color::kBold:
      return "\x1b[1m";
    case Color::kNone:
      break;
  }
  return "";
}

}  // namespace

std::string ToJson(const google::protobuf::Message& message, bool compact) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) return "{}\n";
  // Printed anew: protobuf's own indentation leaves blanks at line ends in some releases.
  return JsonText(OrderedJson::parse(text, nullptr, /*allow_exceptions=*/false), compact);
}

std::string ToYaml(const google::protobuf::Message& message) {
  return YamlText(OrderedJson::parse(ToJson(message, true), nullptr, /*allow_exceptions=*/false));
}

std::string ToJson(const Json& tree, bool compact) { return JsonText(tree, compact); }
std::string ToYaml(const Json& tree) { return YamlText(tree); }

std::string Colored(absl::string_view text, Color color, bool enabled) {
  if (!enabled || color == Color::kNone) return std::string(text);
  return absl::StrCat(ColorCode(color), text, "\x1b[0m");
}

Table::Table(std::vector<std::string> header) {
  std::vector<Cell> row;
  row.reserve(header.size());
  for (std::string& name : header) row.emplace_back(std::move(name), Color::kBold);
  rows_.push_back(std::move(row));
}

void Table::AddRow(std::vector<Cell> row) {
  for (Cell& cell : row) cell.text = cell.text.empty() ? "-" : PrintableText(cell.text);
  rows_.push_back(std::move(row));
}

std::string Table::Render(bool colors) const { return RenderFrom(0, colors); }

std::string Table::RenderRows(size_t first, bool colors) const {
  return RenderFrom(first + 1, colors);
}

std::string Table::RenderFrom(size_t first, bool colors) const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Columns(row[i].text));
  }
  std::string out;
  for (size_t at = first; at < rows_.size(); ++at) {
    const std::vector<Cell>& row = rows_[at];
    for (size_t i = 0; i < row.size(); ++i) {
      absl::StrAppend(&out, Colored(row[i].text, row[i].color, colors));
      if (i + 1 < row.size()) out.append(widths[i] - Columns(row[i].text) + 2, ' ');
    }
    out.push_back('\n');
  }
  return out;
}

void Sheet::Add(absl::string_view name, absl::string_view value, Color color) {
  if (value.empty()) return;
  absl::StrAppend(&out_, absl::StrFormat("%-17s", absl::StrCat(name, ":")),
                  Colored(PrintableText(value), color, colors_), "\n");
}

std::string AgeText(absl::Duration age) {
  const int64_t seconds = std::max<int64_t>(0, absl::ToInt64Seconds(age));
  const int64_t days = seconds / 86400;
  const int64_t hours = seconds / 3600 % 24;
  const int64_t minutes = seconds / 60 % 60;
  if (days > 0) return absl::StrCat(days, "d", hours > 0 ? absl::StrCat(hours, "h") : "");
  if (hours > 0) return absl::StrCat(hours, "h", minutes > 0 ? absl::StrCat(minutes, "m") : "");
  if (minutes > 0) {
    return absl::StrCat(minutes, "m", seconds % 60 > 0 ? absl::StrCat(seconds % 60, "s") : "");
  }
  return absl::StrCat(seconds, "s");
}

std::string SpanText(absl::Duration span) {
  if (span < absl::Seconds(1)) return absl::StrCat(absl::ToInt64Milliseconds(span), " ms");
  if (span < absl::Minutes(1)) return absl::StrFormat("%.1f s", absl::ToDoubleSeconds(span));
  return AgeText(span);
}

}  // namespace rekindle::cli
