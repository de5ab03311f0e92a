#include "controller/apiserver/registry/continue_token.h"

#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/status.h"
#include "common/json/tree.h"

namespace rekindle::apiserver {
namespace {

constexpr absl::string_view kForm = "rekindle.io/v1";

absl::Status Refuse(absl::string_view why) {
  return ToStatus(api::BadRequest(absl::StrCat("invalid continue token: ", why)));
}

}  // namespace

std::string ContinueToken::Text() const {
  const Json tree = {{"v", kForm}, {"rv", revision}, {"ns", name_space}, {"name", name}};
  return absl::WebSafeBase64Escape(json::Dump(tree));
}

absl::StatusOr<ContinueToken> ContinueToken::Parse(absl::string_view text,
                                                   absl::string_view name_space) {
  std::string plain;
  if (!absl::WebSafeBase64Unescape(text, &plain)) return Refuse("not in base64");
  const absl::StatusOr<Json> tree = json::Parse(plain);
  if (!tree.ok() || !tree->is_object()) return Refuse("no object inside");
  if (json::String(*tree, "v") != kForm) return Refuse("of another server");
  const std::optional<int64_t> revision = json::Int(*tree, "rv");
  ContinueToken out;
  out.name_space = std::string(json::String(*tree, "ns"));
  out.name = std::string(json::String(*tree, "name"));
  if (!revision.has_value() || *revision < -1 || *revision == 0 || out.name.empty()) {
    return Refuse("incomplete");
  }
  if (!name_space.empty() && out.name_space != name_space) return Refuse("of another namespace");
  out.revision = *revision;
  return out;
}

}  // namespace rekindle::apiserver
