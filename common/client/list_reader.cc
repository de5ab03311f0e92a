#include "common/client/list_reader.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "common/client/object_text.h"
#include "common/json/parse.h"
#include "common/json/tree.h"

namespace rekindle::client {
namespace {

constexpr size_t kMostBeside = size_t{1} << 20;
constexpr absl::string_view kItems = "items";

absl::Status NoList(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("list: ", why));
}

// A member of the list's metadata: a text, or null as if it were missing.
absl::Status ReadMember(const Json& metadata, const char* name, std::string& out) {
  const Json* value = json::Find(metadata, name);
  if (value == nullptr) return absl::OkStatus();
  if (!value->is_string()) return NoList(absl::StrCat("metadata.", name, ": is no text"));
  out = value->get<std::string>();
  return absl::OkStatus();
}

}  // namespace

struct ListReader::Parser {
  Document document;
};

ListReader::ListReader(Decoder& decoder, size_t max_object_bytes)
    : decoder_(decoder), max_object_bytes_(max_object_bytes), parser_(std::make_unique<Parser>()) {}
ListReader::~ListReader() = default;

absl::Status ListReader::Feed(absl::string_view bytes) {
  while (!bytes.empty()) {
    const absl::StatusOr<size_t> used = place_ == Place::kBeside     ? TakeBeside(bytes)
                                        : place_ == Place::kInObject ? TakeOfObject(bytes)
                                                                     : TakeBetween(bytes);
    if (!used.ok()) return used.status();
    bytes.remove_prefix(*used);
  }
  return absl::OkStatus();
}

// Until the array of "items" begins. Whether what is beside the objects is JSON shows in the end.
absl::StatusOr<size_t> ListReader::TakeBeside(absl::string_view bytes) {
  size_t used = 0;
  while (used < bytes.size() && place_ == Place::kBeside) {
    const char c = bytes[used++];
    if (beside_.in_text) {
      const bool ends = c == '"' && !beside_.escaped;
      beside_.escaped = c == '\\' && !beside_.escaped;
      beside_.in_text = !ends;
      if (!ends && last_text_.size() <= kItems.size()) last_text_ += c;
      continue;
    }
    switch (c) {
      case '"':
        beside_.in_text = true;
        last_text_.clear();
        break;
      case ':':
        items_next_ = beside_.depth == 1 && last_text_ == kItems;
        break;
      case '[':
        if (std::exchange(items_next_, false)) {
          place_ = Place::kFirstObject;
          break;
        }
        ++beside_.depth;
        break;
      case '{':
        items_next_ = false;
        ++beside_.depth;
        break;
      case ']':
      case '}':
        --beside_.depth;
        break;
      default:
        break;
    }
  }
  if (envelope_.size() + used > kMostBeside) {
    return absl::ResourceExhaustedError("a list has too much beside its objects");
  }
  envelope_.append(bytes.data(), used);
  return used;
}

absl::StatusOr<size_t> ListReader::TakeBetween(absl::string_view bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
    if (c == '{' && place_ != Place::kAfterObject) {
      place_ = Place::kInObject;
      return i;
    }
    if (c == ',' && place_ == Place::kAfterObject) {
      place_ = Place::kNextObject;
      continue;
    }
    if (c == ']' && place_ != Place::kNextObject) {
      place_ = Place::kBeside;
      envelope_ += c;
      return i + 1;
    }
    return NoList("items: is no array of objects");
  }
  return bytes.size();
}

absl::StatusOr<size_t> ListReader::TakeOfObject(absl::string_view bytes) {
  Nesting at = within_;
  const char* const end = bytes.data() + bytes.size();
  const char* p = bytes.data();
  while (p < end) {
    const char c = *p++;
    if (at.in_text) {
      if (at.escaped) {
        at.escaped = false;
      } else if (c == '\\') {
        at.escaped = true;
      } else if (c == '"') {
        at.in_text = false;
      }
    } else if (c == '"') {
      at.in_text = true;
    } else if (c == '{' || c == '[') {
      ++at.depth;
    } else if ((c == '}' || c == ']') && --at.depth == 0) {
      break;
    }
  }
  within_ = at;
  const auto used = static_cast<size_t>(p - bytes.data());
  if (object_.size() + used > max_object_bytes_) {
    return absl::ResourceExhaustedError("an object of a list is too large");
  }
  if (at.depth > 0) {
    object_.append(bytes.data(), used);
    return used;
  }
  place_ = Place::kAfterObject;
  if (object_.empty()) {
    RK_RETURN_IF_ERROR(TakeObject(bytes.substr(0, used)));
  } else {
    object_.append(bytes.data(), used);
    RK_RETURN_IF_ERROR(TakeObject(object_));
    object_.clear();
  }
  return used;
}

absl::Status ListReader::TakeObject(absl::string_view text) {
  namespace od = simdjson::ondemand;
  constexpr absl::string_view kWhat = "list: items";
  od::document document;
  od::object object;
  Metadata metadata;
  if (const auto code = parser_->document.Open(text).get(document)) return Broken(kWhat, code);
  if (const auto code = document.get_object().get(object)) return Broken(kWhat, code);
  if (const auto code = ReadMembers(object, metadata)) return Broken(kWhat, code);
  if (!AtEnd(document)) return NoList("items: an object with wrong brackets");
  if (metadata.meta.key.name.empty()) return NoList("items: an object has no metadata.name");
  page_.items.push_back(DecodeItem(std::move(metadata.meta), text, decoder_));
  return absl::OkStatus();
}

absl::StatusOr<ListPage> ListReader::Finish() {
  if (place_ != Place::kBeside) return NoList("breaks off among its objects");
  const absl::StatusOr<Json> list = json::Parse(envelope_);
  if (!list.ok()) return Annotate(list.status(), "list");
  if (!absl::EndsWith(json::String(*list, "kind"), "List")) return NoList("kind: is no list");
  const Json* items = json::Find(*list, "items");
  // Those that came are not in it any more.
  if (items != nullptr && (!items->is_array() || !items->empty())) {
    return NoList("items: is no array of objects");
  }
  const Json* metadata = json::Find(*list, "metadata");
  if (metadata != nullptr) {
    if (!metadata->is_object()) return NoList("metadata: is no object");
    RK_RETURN_IF_ERROR(ReadMember(*metadata, "resourceVersion", page_.resource_version));
    RK_RETURN_IF_ERROR(ReadMember(*metadata, "continue", page_.continue_token));
  }
  return std::move(page_);
}

}  // namespace rekindle::client
