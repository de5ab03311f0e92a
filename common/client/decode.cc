#include "common/client/decode.h"

#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/client/object_text.h"
#include "common/json/parse.h"
#include "common/json/tree.h"

namespace rekindle::client {
namespace {

namespace od = simdjson::ondemand;
using simdjson::error_code;

bool TypeOf(absl::string_view name, WatchEvent::Type& out) {
  using Type = WatchEvent::Type;
  constexpr std::pair<absl::string_view, Type> kNames[] = {{"ADDED", Type::kAdded},
                                                           {"MODIFIED", Type::kModified},
                                                           {"DELETED", Type::kDeleted},
                                                           {"BOOKMARK", Type::kBookmark},
                                                           {"ERROR", Type::kError}};
  for (const auto& [text, type] : kNames) {
    if (text != name) continue;
    out = type;
    return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<WatchEvent> DecodeWatchEvent(absl::string_view frame, Decoder& decoder) {
  Document document;
  od::document root;
  if (const error_code code = document.Open(frame).get(root)) return Broken("watch", code);
  od::object object;
  if (const error_code code = root.get_object().get(object)) return Broken("watch", code);
  std::string type;
  Metadata metadata;
  absl::string_view raw;
  for (auto found : object) {
    std::string_view key;
    if (const error_code code = found.unescaped_key().get(key)) return Broken("watch", code);
    if (key != "type" && key != "object") continue;
    od::value value;
    if (const error_code code = found.value().get(value)) return Broken("watch", code);
    const error_code code =
        key == "type" ? ReadText(value, type) : ReadObject(value, metadata, raw);
    if (code) return Broken("watch", code);
  }
  if (!AtEnd(root)) return absl::InvalidArgumentError("watch: something follows the event");
  WatchEvent out;
  if (!TypeOf(type, out.type)) {
    return absl::InvalidArgumentError(absl::StrCat("watch: type: \"", type, "\" is none"));
  }
  if (raw.empty()) return absl::InvalidArgumentError("watch: object: is missing");
  if (out.type == WatchEvent::Type::kError) {
    // No HTTP status goes with it: the Status has its own code.
    constexpr int kUnclassified = 500;
    const absl::StatusOr<Json> status = json::ParseChecked(raw, nullptr);
    const int64_t code =
        status.ok() ? json::Int(*status, "code").value_or(kUnclassified) : kUnclassified;
    out.error = api::ErrorFromResponse(static_cast<int>(code), raw, "watch", {});
    return out;
  }
  if (out.type == WatchEvent::Type::kBookmark) {
    out.item.meta = std::move(metadata.meta);
    out.initial_end = metadata.initial_end;
    return out;
  }
  if (metadata.meta.key.name.empty()) {
    return absl::InvalidArgumentError("watch: object: has no metadata.name");
  }
  if (out.type == WatchEvent::Type::kDeleted) {
    out.item.meta = std::move(metadata.meta);
  } else {
    out.item = DecodeItem(std::move(metadata.meta), raw, decoder);
  }
  return out;
}

}  // namespace rekindle::client
