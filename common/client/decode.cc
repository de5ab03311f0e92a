#include "common/client/decode.h"

#include <simdjson.h>

#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/json/parse.h"
#include "common/json/tree.h"

namespace rekindle::client {
namespace {

namespace od = simdjson::ondemand;
using simdjson::error_code;

// Documents are read in place: the parser looks a little beyond their end.
class Document {
 public:
  explicit Document(absl::string_view text) {
    buffer_.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    buffer_.assign(text.data(), text.size());
  }
  simdjson::simdjson_result<od::document> Open() {
    return parser_.iterate(
        simdjson::padded_string_view(buffer_.data(), buffer_.size(), buffer_.capacity()));
  }
  const char* end() const { return buffer_.data() + buffer_.size(); }

 private:
  od::parser parser_;
  std::string buffer_;
};

absl::Status Broken(absl::string_view what, error_code code) {
  return absl::InvalidArgumentError(absl::StrCat(what, ": ", simdjson::error_message(code)));
}

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// A text; null counts as empty.
error_code ReadText(od::value value, std::string& out) {
  od::json_type type;
  if (const error_code code = value.type().get(type)) return code;
  if (type == od::json_type::null) return simdjson::SUCCESS;
  std::string_view text;
  if (const error_code code = value.get_string().get(text)) return code;
  out.assign(text.data(), text.size());
  return simdjson::SUCCESS;
}

struct Metadata {
  ObjectMeta meta;
  std::string continue_token;
  bool initial_end = false;
};

error_code ReadAnnotations(od::value value, bool& initial_end) {
  od::json_type type;
  if (const error_code code = value.type().get(type)) return code;
  if (type != od::json_type::object) return simdjson::SUCCESS;
  od::object object;
  if (const error_code code = value.get_object().get(object)) return code;
  for (auto found : object) {
    std::string_view key;
    if (const error_code code = found.unescaped_key().get(key)) return code;
    if (key != "k8s.io/initial-events-end") continue;
    std::string text;
    od::value inner;
    if (const error_code code = found.value().get(inner)) return code;
    if (const error_code code = ReadText(inner, text)) return code;
    initial_end = text == "true";
  }
  return simdjson::SUCCESS;
}

error_code ReadMetadata(od::value value, Metadata& out) {
  od::object object;
  if (const error_code code = value.get_object().get(object)) return code;
  for (auto found : object) {
    std::string_view key;
    if (const error_code code = found.unescaped_key().get(key)) return code;
    std::string* text = key == "name"              ? &out.meta.key.name
                        : key == "namespace"       ? &out.meta.key.name_space
                        : key == "uid"             ? &out.meta.uid
                        : key == "resourceVersion" ? &out.meta.resource_version
                        : key == "continue"        ? &out.continue_token
                                                   : nullptr;
    od::value inner;
    if (text == nullptr && key != "annotations") continue;
    if (const error_code code = found.value().get(inner)) return code;
    if (text != nullptr) text->clear();
    const error_code code =
        text != nullptr ? ReadText(inner, *text) : ReadAnnotations(inner, out.initial_end);
    if (code) return code;
  }
  return simdjson::SUCCESS;
}

// An object: its metadata, and where its text is.
error_code ReadObject(od::value value, Metadata& out, absl::string_view& raw) {
  od::object object;
  if (const error_code code = value.get_object().get(object)) return code;
  std::string_view text;
  if (const error_code code = object.raw_json().get(text)) return code;
  raw = absl::StripTrailingAsciiWhitespace(View(text));
  if (const error_code code = object.reset().error()) return code;
  for (auto found : object) {
    std::string_view key;
    if (const error_code code = found.unescaped_key().get(key)) return code;
    if (key != "metadata") continue;
    od::value inner;
    if (const error_code code = found.value().get(inner)) return code;
    if (const error_code code = ReadMetadata(inner, out)) return code;
  }
  return simdjson::SUCCESS;
}

Item DecodeItem(ObjectMeta meta, absl::string_view raw, Decoder& decoder) {
  Item out = {.meta = std::move(meta)};
  absl::StatusOr<Decoder::Record> record = decoder.Decode(raw);
  if (record.ok() && *record != nullptr) {
    out.record = *std::move(record);
  } else {
    out.broken = record.ok() ? absl::InternalError("no record") : record.status();
  }
  return out;
}

error_code ReadItems(od::value value, Decoder& decoder, std::vector<Item>& out, bool& nameless) {
  od::json_type type;
  if (const error_code code = value.type().get(type)) return code;
  if (type == od::json_type::null) return simdjson::SUCCESS;
  od::array array;
  if (const error_code code = value.get_array().get(array)) return code;
  for (auto found : array) {
    od::value item;
    if (const error_code code = found.get(item)) return code;
    Metadata metadata;
    absl::string_view raw;
    if (const error_code code = ReadObject(item, metadata, raw)) return code;
    nameless = nameless || metadata.meta.key.name.empty();
    out.push_back(DecodeItem(std::move(metadata.meta), raw, decoder));
  }
  return simdjson::SUCCESS;
}

// Nothing but blanks is behind the value.
bool AtEnd(od::document& document) {
  const char* rest = nullptr;
  return document.current_location().get(rest) != simdjson::SUCCESS;
}

error_code ReadPage(od::object object, Decoder& decoder, ListPage& page, bool& is_list,
                    bool& nameless) {
  for (auto found : object) {
    std::string_view key;
    if (const error_code code = found.unescaped_key().get(key)) return code;
    if (key != "kind" && key != "metadata" && key != "items") continue;
    od::value value;
    if (const error_code code = found.value().get(value)) return code;
    if (key == "kind") {
      std::string kind;
      if (const error_code code = ReadText(value, kind)) return code;
      is_list = absl::EndsWith(kind, "List");
    } else if (key == "metadata") {
      Metadata metadata;
      if (const error_code code = ReadMetadata(value, metadata)) return code;
      page.resource_version = std::move(metadata.meta.resource_version);
      page.continue_token = std::move(metadata.continue_token);
    } else if (const error_code code = ReadItems(value, decoder, page.items, nameless)) {
      return code;
    }
  }
  return simdjson::SUCCESS;
}

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

absl::StatusOr<ListPage> DecodeListPage(absl::string_view text, Decoder& decoder) {
  Document document(text);
  od::document root;
  if (const error_code code = document.Open().get(root)) return Broken("list", code);
  od::object object;
  if (const error_code code = root.get_object().get(object)) return Broken("list", code);
  ListPage page;
  bool is_list = false;
  bool nameless = false;
  if (const error_code code = ReadPage(object, decoder, page, is_list, nameless)) {
    return Broken("list", code);
  }
  if (!AtEnd(root)) return absl::InvalidArgumentError("list: something follows it");
  if (!is_list) return absl::InvalidArgumentError("list: kind: is no list");
  if (nameless) return absl::InvalidArgumentError("list: items: an object has no metadata.name");
  return page;
}

absl::StatusOr<WatchEvent> DecodeWatchEvent(absl::string_view frame, Decoder& decoder) {
  Document document(frame);
  od::document root;
  if (const error_code code = document.Open().get(root)) return Broken("watch", code);
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
