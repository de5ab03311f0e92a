#include "common/client/config/fields.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"

namespace rekindle::client {
namespace {

const Json& Null() {
  static const Json null;
  return null;
}
const Json& NoItems() {
  static const Json none = Json::array();
  return none;
}

}  // namespace

Fields::Fields(const Json& tree, std::string where, absl::Status& mistake)
    : tree_(tree), where_(std::move(where)), mistake_(mistake) {
  if (!tree_.is_null() && !tree_.is_object() && mistake_.ok()) {
    mistake_ = absl::InvalidArgumentError(
        absl::StrCat(where_, where_.empty() ? "" : ": ", "must be a mapping"));
  }
}

std::string Fields::Path(absl::string_view name) const {
  return where_.empty() ? std::string(name) : absl::StrCat(where_, ".", name);
}

void Fields::Mistake(absl::string_view name, absl::string_view what, absl::StatusCode code) const {
  if (mistake_.ok()) mistake_ = absl::Status(code, absl::StrCat(Path(name), ": ", what));
}

const Json* Fields::Member(absl::string_view name) const { return json::Find(tree_, name); }

std::string Fields::Text(absl::string_view name) const {
  const Json* value = Member(name);
  if (value == nullptr) return "";
  if (!value->is_string()) {
    // What looks like a number in YAML may well be a name or a token.
    if (value->is_number() || value->is_boolean()) return json::Dump(*value);
    Mistake(name, "must be text");
    return "";
  }
  return value->get<std::string>();
}

std::string Fields::Required(absl::string_view name) const {
  std::string out = Text(name);
  if (out.empty()) Mistake(name, "must be set");
  return out;
}

bool Fields::Flag(absl::string_view name) const {
  const Json* value = Member(name);
  if (value == nullptr) return false;
  if (!value->is_boolean()) {
    Mistake(name, "must be true or false");
    return false;
  }
  return value->get<bool>();
}

std::string Fields::Base64(absl::string_view name) const {
  std::string text = Text(name);
  // Wrapped by hand, as `base64` prints it.
  std::erase_if(text, [](char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); });
  std::string out;
  if (!absl::Base64Unescape(text, &out)) Mistake(name, "is not base64");
  return out;
}

const Json& Fields::List(absl::string_view name) const {
  const Json* value = Member(name);
  if (value == nullptr) return NoItems();
  if (!value->is_array()) {
    Mistake(name, "must be a list");
    return NoItems();
  }
  return *value;
}

const Json& Fields::Tree(absl::string_view name) const {
  const Json* value = Member(name);
  return value == nullptr ? Null() : *value;
}

}  // namespace rekindle::client
