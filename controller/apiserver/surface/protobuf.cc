#include "controller/apiserver/surface/protobuf.h"

#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include <nlohmann/json.hpp>

#include "common/api/kinds/registry.h"
#include "common/api/time.h"
#include "common/base/status_macros.h"
#include "common/json/parse.h"
#include "common/json/tree.h"
#include "common/json/utf8.h"
#include "controller/apiserver/surface/protobuf_reader.h"
#include "controller/apiserver/surface/protobuf_table.h"

namespace rekindle::apiserver {
namespace {

using api::Field;
using api::Format;
using api::Shape;
using api::Type;

constexpr absl::string_view kMagic("k8s\0", 4);
// Types hold no cycles, so this bounds what can be said in bytes alone.
constexpr int kMostLevels = 64;

// What plain fields are when nobody has set them.
bool IsZero(const Json& value) {
  switch (value.type()) {
    case Json::value_t::string:
      return value.get_ref<const std::string&>().empty();
    case Json::value_t::boolean:
      return !value.get<bool>();
    default:
      return value.is_number() && value == 0;
  }
}

class Decoder {
 public:
  explicit Decoder(const ProtobufTable& table) : table_(table) {}

  absl::Status Message(const Type& type, absl::string_view bytes, const std::string& path,
                       int level, Json& out) {
    const ProtobufMessage* message = table_.Find(type);
    if (!out.is_object()) out = Json::object();
    // A type without numbers, such as what a load balancer says: nothing of it is known.
    if (message == nullptr) return absl::OkStatus();
    return Members(*message, bytes, path, level, out);
  }

 private:
  absl::Status Members(const ProtobufMessage& message, absl::string_view bytes,
                       const std::string& path, int level, Json& out) {
    if (level > kMostLevels) return BadProtobuf(path, "nested too deeply");
    ProtobufReader reader(bytes, path);
    while (!reader.Done()) {
      RK_ASSIGN_OR_RETURN(const Part part, reader.Next());
      const auto it = message.slots.find(part.number);
      if (it == message.slots.end()) continue;
      const ProtobufMessage::Slot& slot = it->second;
      if (slot.inlined != nullptr) {
        if (part.type != kBytes)
          return BadProtobuf(path, absl::StrCat("field ", part.number, " is no message"));
        RK_RETURN_IF_ERROR(Members(*slot.inlined, part.bytes, path, level + 1, out));
        continue;
      }
      RK_RETURN_IF_ERROR(Member(slot, part, path, level, out));
    }
    return absl::OkStatus();
  }

  absl::Status Member(const ProtobufMessage::Slot& slot, const Part& part, const std::string& path,
                      int level, Json& out) {
    const Field& field = *slot.field;
    const Type& type = *field.type;
    const std::string below = path.empty() ? field.name : absl::StrCat(path, ".", field.name);
    if (type.shape == Shape::kList) return Element(type, part, below, level, out[field.name]);
    if (type.shape == Shape::kMap) return Entry(type, part, below, level, out[field.name]);
    if (type.shape == Shape::kObject) {
      if (part.type != kBytes) return BadProtobuf(below, "is no message");
      return Message(type, part.bytes, below, level + 1, out[field.name]);
    }
    Json value;
    RK_RETURN_IF_ERROR(Scalar(type, part, below, value));
    if (value.is_null() || (IsZero(value) && !slot.pointer && !field.required)) {
      return absl::OkStatus();
    }
    out[field.name] = std::move(value);
    return absl::OkStatus();
  }

  absl::Status Element(const Type& list, const Part& part, const std::string& path, int level,
                       Json& out) {
    if (!out.is_array()) out = Json::array();
    const Type& type = *list.element;
    const std::string below = absl::StrCat(path, "[", out.size(), "]");
    if (type.shape == Shape::kObject) {
      if (part.type != kBytes) return BadProtobuf(below, "is no message");
      return Message(type, part.bytes, below, level + 1, out.emplace_back());
    }
    if (type.shape == Shape::kInteger && part.type == kBytes) {  // packed
      ProtobufReader reader(part.bytes, path);
      while (!reader.Done()) {
        RK_ASSIGN_OR_RETURN(const uint64_t value, reader.Varint());
        out.push_back(static_cast<int64_t>(value));
      }
      return absl::OkStatus();
    }
    Json value;
    RK_RETURN_IF_ERROR(Scalar(type, part, below, value));
    out.push_back(std::move(value));
    return absl::OkStatus();
  }

  absl::Status Entry(const Type& map, const Part& part, const std::string& path, int level,
                     Json& out) {
    if (part.type != kBytes) return BadProtobuf(path, "is no message");
    if (!out.is_object()) out = Json::object();
    std::string key;
    Json value;
    const Type& type = *map.element;
    bool given = false;
    ProtobufReader reader(part.bytes, path);
    while (!reader.Done()) {
      RK_ASSIGN_OR_RETURN(const Part one, reader.Next());
      if (one.number == 1) {
        if (one.type != kBytes || !json::IsUtf8(one.bytes))
          return BadProtobuf(path, "a key is no text");
        key = std::string(one.bytes);
      } else if (one.number == 2) {
        given = true;
        const std::string below = absl::StrCat(path, "[", key, "]");
        if (type.shape == Shape::kList) {
          // Only UserInfo.extra: a message with one repeated member.
          if (one.type != kBytes) return BadProtobuf(below, "is no message");
          ProtobufReader list(one.bytes, below);
          value = Json::array();
          while (!list.Done()) {
            RK_ASSIGN_OR_RETURN(const Part item, list.Next());
            if (item.number == 1) RK_RETURN_IF_ERROR(Element(type, item, below, level + 1, value));
          }
        } else {
          RK_RETURN_IF_ERROR(Scalar(type, one, below, value));
        }
      }
    }
    if (!given || value.is_null()) {
      value = type.shape == Shape::kList       ? Json::array()
              : type.shape == Shape::kQuantity ? Json("0")
                                               : Json("");
    }
    out[key] = std::move(value);
    return absl::OkStatus();
  }

  // Null: a time that is not set.
  static absl::Status Scalar(const Type& type, const Part& part, const std::string& path,
                             Json& out) {
    switch (type.shape) {
      case Shape::kInteger:
        if (part.type != kVarint) return BadProtobuf(path, "is no integer");
        out = type.format == Format::kInt32
                  ? Json(static_cast<int64_t>(static_cast<int32_t>(part.value)))
                  : Json(static_cast<int64_t>(part.value));
        return absl::OkStatus();
      case Shape::kBoolean:
        if (part.type != kVarint) return BadProtobuf(path, "is no boolean");
        out = part.value != 0;
        return absl::OkStatus();
      case Shape::kNumber: {
        if (part.type != kFixed64) return BadProtobuf(path, "is no number");
        double number = 0;
        std::memcpy(&number, &part.value, sizeof(number));
        out = number;
        return absl::OkStatus();
      }
      default:
        break;
    }
    if (part.type != kBytes) return BadProtobuf(path, "is no text or message");
    if (type.shape == Shape::kString) {
      if (type.format == Format::kBytes) {
        out = absl::Base64Escape(part.bytes);
        return absl::OkStatus();
      }
      if (type.format == Format::kTime || type.format == Format::kMicroTime) {
        return Time(type.format, part.bytes, path, out);
      }
      return Text(part.bytes, path, out);
    }
    if (type.shape == Shape::kQuantity) return Quantity(part.bytes, path, out);
    if (type.shape == Shape::kIntOrString) return IntOrString(part.bytes, path, out);
    return Embedded(part.bytes, path, out);
  }

  static absl::Status Text(absl::string_view bytes, const std::string& path, Json& out) {
    if (!json::IsUtf8(bytes)) return BadProtobuf(path, "is not UTF-8");
    out = std::string(bytes);
    return absl::OkStatus();
  }

  static absl::Status Time(Format format, absl::string_view bytes, const std::string& path,
                           Json& out) {
    out = nullptr;
    if (bytes.empty()) return absl::OkStatus();
    int64_t seconds = 0;
    int64_t nanos = 0;
    ProtobufReader reader(bytes, path);
    while (!reader.Done()) {
      RK_ASSIGN_OR_RETURN(const Part part, reader.Next());
      if (part.number > 2) continue;
      if (part.type != kVarint) return BadProtobuf(path, "is no time");
      (part.number == 1 ? seconds : nanos) = static_cast<int64_t>(part.value);
    }
    // Years 1 to 9999, which RFC 3339 can show.
    if (seconds < -62'135'596'800 || seconds > 253'402'300'799 || nanos < 0 ||
        nanos > 999'999'999) {
      return BadProtobuf(path, "is no time of the years 1 to 9999");
    }
    const absl::Time time = absl::FromUnixSeconds(seconds) + absl::Nanoseconds(nanos);
    out = format == Format::kTime ? api::FormatTime(time) : api::FormatMicroTime(time);
    return absl::OkStatus();
  }

  static absl::Status Quantity(absl::string_view bytes, const std::string& path, Json& out) {
    out = "";
    ProtobufReader reader(bytes, path);
    while (!reader.Done()) {
      RK_ASSIGN_OR_RETURN(const Part part, reader.Next());
      if (part.number != 1) continue;
      if (part.type != kBytes) return BadProtobuf(path, "is no quantity");
      RK_RETURN_IF_ERROR(Text(part.bytes, path, out));
    }
    if (IsZero(out)) out = "0";
    return absl::OkStatus();
  }

  static absl::Status IntOrString(absl::string_view bytes, const std::string& path, Json& out) {
    int64_t kind = 0;
    int64_t number = 0;
    Json text = "";
    ProtobufReader reader(bytes, path);
    while (!reader.Done()) {
      RK_ASSIGN_OR_RETURN(const Part part, reader.Next());
      if (part.number == 3) {
        if (part.type != kBytes) return BadProtobuf(path, "is no text");
        RK_RETURN_IF_ERROR(Text(part.bytes, path, text));
      } else if (part.number <= 2) {
        if (part.type != kVarint) return BadProtobuf(path, "is no integer");
        (part.number == 1 ? kind : number) = static_cast<int32_t>(part.value);
      }
    }
    if (kind != 0 && kind != 1) return BadProtobuf(path, "is neither integer nor text");
    out = kind == 1 ? text : Json(number);
    return absl::OkStatus();
  }

  // A part that is JSON in a message of its own: {1 raw}.
  static absl::Status Embedded(absl::string_view bytes, const std::string& path, Json& out) {
    out = nullptr;
    ProtobufReader reader(bytes, path);
    while (!reader.Done()) {
      RK_ASSIGN_OR_RETURN(const Part part, reader.Next());
      if (part.number != 1) continue;
      if (part.type != kBytes) return BadProtobuf(path, "is no embedded JSON");
      if (part.bytes.empty()) continue;
      absl::StatusOr<Json> value = json::ParseChecked(part.bytes, nullptr);
      if (!value.ok()) return BadProtobuf(path, value.status().message());
      out = *std::move(value);
    }
    return absl::OkStatus();
  }

  const ProtobufTable& table_;
};

const absl::StatusOr<ProtobufTable>& Table() {
  static const auto& table =
      *new absl::StatusOr<ProtobufTable>(ProtobufTable::Make(api::Kinds(), ProtobufNumbers()));
  return table;
}

// Objects that are sent and are no kind of their own.
const Type* TypeOfBody(absl::string_view api_version, absl::string_view kind) {
  if (const api::KindInfo* info = api::Kinds().Find(api_version, kind)) return info->type;
  const api::Schema& all = api::Kinds();
  // Clients name the group version of whatever they delete.
  if (kind == "DeleteOptions") {
    return all.FindType("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions");
  }
  if (kind == "Eviction" && absl::StartsWith(api_version, "policy/")) {
    return all.FindType("io.k8s.api.policy.v1.Eviction");
  }
  if (kind == "Scale" && api_version == "autoscaling/v1") {
    return all.FindType("io.k8s.api.autoscaling.v1.Scale");
  }
  if (kind == "Binding" && api_version == "v1") return all.FindType("io.k8s.api.core.v1.Binding");
  if (kind == "TokenRequest" && absl::StartsWith(api_version, "authentication.k8s.io/")) {
    return all.FindType("io.k8s.api.authentication.v1.TokenRequest");
  }
  return nullptr;
}

struct Envelope {
  std::string api_version;
  std::string kind;
  absl::string_view raw;
};

absl::StatusOr<Envelope> Open(absl::string_view bytes) {
  const std::string path = "the envelope";
  Envelope out;
  ProtobufReader reader(bytes, path);
  while (!reader.Done()) {
    RK_ASSIGN_OR_RETURN(const Part part, reader.Next());
    if (part.number > 4) continue;
    if (part.type != kBytes)
      return BadProtobuf(path, absl::StrCat("field ", part.number, " is no message"));
    if (part.number == 2) out.raw = part.bytes;
    if (part.number == 3 && !part.bytes.empty()) return BadProtobuf(path, "its content is encoded");
    if (part.number == 4 && !part.bytes.empty() &&
        part.bytes != "application/vnd.kubernetes.protobuf") {
      return BadProtobuf(path, "its content is no protobuf");
    }
    if (part.number != 1) continue;
    ProtobufReader meta(part.bytes, path);
    while (!meta.Done()) {
      RK_ASSIGN_OR_RETURN(const Part one, meta.Next());
      if (one.number > 2) continue;
      if (one.type != kBytes || !json::IsUtf8(one.bytes))
        return BadProtobuf(path, "its kind is no text");
      (one.number == 1 ? out.api_version : out.kind) = std::string(one.bytes);
    }
  }
  return out;
}

}  // namespace

absl::StatusOr<Json> DecodeProtobuf(absl::string_view bytes) {
  if (!absl::StartsWith(bytes, kMagic)) {
    return absl::InvalidArgumentError("protobuf: the body does not begin with the magic number");
  }
  RK_ASSIGN_OR_RETURN(const Envelope envelope, Open(bytes.substr(kMagic.size())));
  if (envelope.kind.empty()) return BadProtobuf("the envelope", "it names no kind");
  const Type* type = TypeOfBody(envelope.api_version, envelope.kind);
  const absl::StatusOr<ProtobufTable>& table = Table();
  if (!table.ok()) return absl::InternalError(table.status().message());
  if (type == nullptr || table->Find(*type) == nullptr) {
    return absl::UnimplementedError(absl::StrCat("no kind \"", envelope.kind, "\" of version \"",
                                                 envelope.api_version,
                                                 "\" is known in protobuf; send JSON"));
  }
  Json out = Json::object();
  RK_RETURN_IF_ERROR(Decoder(*table).Message(*type, envelope.raw, "", 0, out));
  out["apiVersion"] = envelope.api_version;
  out["kind"] = envelope.kind;
  return out;
}

}  // namespace rekindle::apiserver
