#include "common/api/schema/yaml_text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"

namespace rekindle::api {
namespace {

// Letters, digits and some signs, beginning with a letter, and no word that means something else.
bool IsPlain(const std::string& text) {
  static constexpr absl::string_view kWords[] = {"y",   "n",    "yes",   "no",  "on",
                                                 "off", "true", "false", "null"};
  if (text.empty() || !absl::ascii_isalpha(static_cast<unsigned char>(text[0]))) return false;
  if (text.back() == ' ' || text.back() == ':') return false;
  for (const absl::string_view word : kWords) {
    if (absl::EqualsIgnoreCase(text, word)) return false;
  }
  return std::all_of(text.begin(), text.end(),
                     [](char c) {
                       return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                              absl::string_view(" ._-/,;()'+$").find(c) != absl::string_view::npos;
                     }) &&
         text.find(" #") == std::string::npos;
}

std::string Scalar(const Json& value) {
  if (value.is_string() && IsPlain(value.get_ref<const std::string&>())) return value;
  // A JSON text is a YAML text.
  return json::Dump(value);
}

void Write(const Json& tree, const std::string& indent, std::string& out) {
  if (tree.is_object()) {
    for (const auto& [key, value] : tree.items()) {
      absl::StrAppend(&out, indent, Scalar(Json(key)), ":");
      if (value.is_structured() && !value.empty()) {
        out += "\n";
        Write(value, value.is_array() ? indent : indent + "  ", out);
      } else {
        absl::StrAppend(&out, " ", Scalar(value), "\n");
      }
    }
    return;
  }
  for (const Json& value : tree) {
    if (value.is_structured() && !value.empty()) {
      // The first member stands beside the dash.
      std::string below;
      Write(value, indent + "  ", below);
      below.replace(indent.size(), 2, "- ");
      out += below;
    } else {
      absl::StrAppend(&out, indent, "- ", Scalar(value), "\n");
    }
  }
}

}  // namespace

std::string YamlText(const Json& tree) {
  if (!tree.is_structured() || tree.empty()) return Scalar(tree) + "\n";
  std::string out;
  Write(tree, "", out);
  return out;
}

}  // namespace rekindle::api
