#include "controller/apiserver/rest/yaml_body.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "common/json/tree.h"
#include "common/json/yaml.h"

namespace rekindle::apiserver {
namespace {

constexpr int kMaxDepth = 200;
// Aliases may repeat what they name: the text that comes of it is bounded.
constexpr size_t kMostText = 16 * 1024 * 1024;

std::string Quoted(const std::string& text) { return json::Dump(Json(text)); }

std::string ScalarText(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return Quoted(text);  // it was in quotes
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return "null";
  }
  if (text == "true" || text == "True" || text == "TRUE") return "true";
  if (text == "false" || text == "False" || text == "FALSE") return "false";
  const bool numeric = absl::ascii_isdigit(static_cast<unsigned char>(text.back())) &&
                       text.find_first_not_of("+-.0123456789eE") == std::string::npos;
  int64_t integer = 0;
  if (numeric && absl::SimpleAtoi(text, &integer)) return absl::StrCat(integer);
  double real = 0;
  if (numeric && absl::SimpleAtod(text, &real) && std::isfinite(real))
    return json::Dump(Json(real));
  return Quoted(text);
}

void Write(const YAML::Node& node, int depth, std::string& out) {
  if (depth > kMaxDepth) throw YAML::ParserException(node.Mark(), "nested too deeply");
  if (out.size() > kMostText) throw YAML::ParserException(node.Mark(), "too large");
  switch (node.Type()) {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null:
      out += "null";
      return;
    case YAML::NodeType::Scalar:
      out += ScalarText(node);
      return;
    case YAML::NodeType::Sequence: {
      out += '[';
      bool first = true;
      for (const YAML::Node& item : node) {
        if (!first) out += ',';
        first = false;
        Write(item, depth + 1, out);
      }
      out += ']';
      return;
    }
    case YAML::NodeType::Map:
      break;
  }
  out += '{';
  bool first = true;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) throw YAML::ParserException(node.Mark(), "a key is no text");
    if (!first) out += ',';
    first = false;
    absl::StrAppend(&out, Quoted(entry.first.Scalar()), ":");
    Write(entry.second, depth + 1, out);
  }
  out += '}';
}

}  // namespace

absl::StatusOr<std::string> YamlToJson(absl::string_view text) {
  const absl::string_view stripped = absl::StripAsciiWhitespace(text);
  // Every JSON text is a YAML text; the faster reader will see what is wrong with it.
  if (absl::StartsWith(stripped, "{") || absl::StartsWith(stripped, "[")) {
    if (json::Parse(text).ok()) return std::string(text);
  }
  const std::string whole(text);
  if (const absl::Status status = json::CheckYamlDocuments(whole); !status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("error converting YAML to JSON: ", status.message()));
  }
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(whole);
    std::string out;
    size_t found = 0;
    for (const YAML::Node& document : documents) {
      if (document.IsNull()) continue;
      if (++found > 1) return absl::InvalidArgumentError("more than one YAML document");
      Write(document, 0, out);
    }
    return out;
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("error converting YAML to JSON: line ", error.mark.line + 1, ": ", error.msg));
  }
}

}  // namespace rekindle::apiserver
