#include "common/client/object_text.h"

#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace rekindle::client {
namespace {

namespace od = simdjson::ondemand;
using simdjson::error_code;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

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

}  // namespace

absl::Status Broken(absl::string_view what, error_code code) {
  return absl::InvalidArgumentError(absl::StrCat(what, ": ", simdjson::error_message(code)));
}

bool AtEnd(od::document& document) {
  const char* rest = nullptr;
  return document.current_location().get(rest) != simdjson::SUCCESS;
}

error_code ReadText(od::value value, std::string& out) {
  od::json_type type;
  if (const error_code code = value.type().get(type)) return code;
  if (type == od::json_type::null) return simdjson::SUCCESS;
  std::string_view text;
  if (const error_code code = value.get_string().get(text)) return code;
  out.assign(text.data(), text.size());
  return simdjson::SUCCESS;
}

error_code ReadMembers(od::object& object, Metadata& out) {
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

error_code ReadObject(od::value value, Metadata& out, absl::string_view& raw) {
  od::object object;
  if (const error_code code = value.get_object().get(object)) return code;
  std::string_view text;
  if (const error_code code = object.raw_json().get(text)) return code;
  raw = absl::StripTrailingAsciiWhitespace(View(text));
  if (const error_code code = object.reset().error()) return code;
  return ReadMembers(object, out);
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

}  // namespace rekindle::client
