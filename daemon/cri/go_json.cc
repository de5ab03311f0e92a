#include "daemon/cri/go_json.h"

#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <google/protobuf/descriptor.h>

#include "common/base/status_macros.h"

namespace rekindle::cri {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using nlohmann::json;

absl::Status WrongType(absl::string_view path, absl::string_view wanted, const json& value) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": must be ", wanted, ", is ", value.type_name()));
}

// The nesting of objects and arrays, looked at before a tree is built from them.
bool TooDeep(absl::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxJsonDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

// Names from the document may be of any length; an error message is not.
std::string Shortened(const std::string& name) {
  constexpr std::size_t kMax = 120;
  return name.size() <= kMax ? name : absl::StrCat(name.substr(0, kMax), "...");
}

template <typename Int>
absl::StatusOr<Int> ToInt(const json& value, absl::string_view path) {
  RK_ASSIGN_OR_RETURN(const std::int64_t wide, ToInt64(value, path));
  if (!std::in_range<Int>(wide)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", wide, " is out of range"));
  }
  return static_cast<Int>(wide);
}

absl::StatusOr<std::uint64_t> ToUint64(const json& value, absl::string_view path) {
  if (value.is_number_unsigned()) return *value.get_ptr<const json::number_unsigned_t*>();
  std::uint64_t parsed = 0;
  const auto* text = value.get_ptr<const json::string_t*>();
  if (text != nullptr && absl::SimpleAtoi(*text, &parsed)) return parsed;
  return WrongType(path, "an unsigned integer", value);
}

// Sets a singular field, or appends to a repeated one.
#define RK_PUT(Type, v) \
  (field->is_repeated() ? refl->Add##Type(&msg, field, (v)) : refl->Set##Type(&msg, field, (v)))

absl::Status PutValue(const json& value, const std::string& path, const FieldDescriptor* field,
                      Message& msg) {
  const Reflection* refl = msg.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      Message* sub =
          field->is_repeated() ? refl->AddMessage(&msg, field) : refl->MutableMessage(&msg, field);
      return FromGoJson(value, path, *sub);
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      const auto* text = value.get_ptr<const json::string_t*>();
      if (text == nullptr) return WrongType(path, "a string", value);
      RK_PUT(String, *text);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_BOOL: {
      const auto* flag = value.get_ptr<const json::boolean_t*>();
      if (flag == nullptr) return WrongType(path, "true or false", value);
      RK_PUT(Bool, *flag);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      // A number that our .proto has no name for (a new signal, say) is carried on as it is.
      RK_ASSIGN_OR_RETURN(const int number, ToInt<int>(value, path));
      RK_PUT(EnumValue, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_INT32: {
      RK_ASSIGN_OR_RETURN(const std::int32_t number, ToInt<std::int32_t>(value, path));
      RK_PUT(Int32, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT32: {
      RK_ASSIGN_OR_RETURN(const std::uint32_t number, ToInt<std::uint32_t>(value, path));
      RK_PUT(UInt32, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      RK_ASSIGN_OR_RETURN(const std::int64_t number, ToInt64(value, path));
      RK_PUT(Int64, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      RK_ASSIGN_OR_RETURN(const std::uint64_t number, ToUint64(value, path));
      RK_PUT(UInt64, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      break;  // the CRI has none in its configurations
  }
  return absl::UnimplementedError(absl::StrCat(path, ": a field of this type is not supported"));
}

#undef RK_PUT

// The CRI's maps have text for keys.
absl::Status PutMap(const json& value, const std::string& path, const FieldDescriptor* field,
                    Message& msg) {
  const auto* members = value.get_ptr<const json::object_t*>();
  if (members == nullptr) return WrongType(path, "an object", value);
  const auto* entry = field->message_type();
  if (entry->map_key()->cpp_type() != FieldDescriptor::CPPTYPE_STRING) {
    return absl::UnimplementedError(absl::StrCat(path, ": a map of this type is not supported"));
  }
  for (const auto& [key, item] : *members) {
    Message* pair = msg.GetReflection()->AddMessage(&msg, field);
    pair->GetReflection()->SetString(pair, entry->map_key(), key);
    RK_RETURN_IF_ERROR(PutValue(item, absl::StrCat(path, "[\"", Shortened(key), "\"]"),
                                entry->map_value(), *pair));
  }
  return absl::OkStatus();
}

absl::Status PutField(const json& value, const std::string& path, const FieldDescriptor* field,
                      Message& msg) {
  if (value.is_null()) return absl::OkStatus();  // a nil pointer, slice or map: unset
  if (field->is_map()) return PutMap(value, path, field, msg);
  if (!field->is_repeated()) return PutValue(value, path, field, msg);
  const auto* items = value.get_ptr<const json::array_t*>();
  if (items == nullptr) return WrongType(path, "an array", value);
  for (std::size_t i = 0; i < items->size(); ++i) {
    RK_RETURN_IF_ERROR(PutValue((*items)[i], absl::StrCat(path, "[", i, "]"), field, msg));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<json> ParseJsonObject(absl::string_view text) {
  if (text.size() > kMaxJsonBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("document of ", text.size(), " bytes, at most ", kMaxJsonBytes, " are read"));
  }
  if (TooDeep(text)) {
    return absl::InvalidArgumentError(
        absl::StrCat("document nests deeper than ", kMaxJsonDepth, " levels"));
  }
  json document = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) return absl::InvalidArgumentError("document is not valid JSON");
  if (!document.is_object()) return WrongType("document", "an object", document);
  return document;
}

const json* Member(const json& value, const char* key) {
  if (!value.is_object()) return nullptr;
  const auto it = value.find(key);
  return it == value.end() || it->is_null() ? nullptr : &*it;
}

absl::StatusOr<std::int64_t> ToInt64(const json& value, absl::string_view path) {
  if (value.is_number_unsigned()) {
    const auto number = *value.get_ptr<const json::number_unsigned_t*>();
    if (std::in_range<std::int64_t>(number)) return static_cast<std::int64_t>(number);
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", number, " is out of range"));
  }
  if (value.is_number_integer()) return *value.get_ptr<const json::number_integer_t*>();
  std::int64_t parsed = 0;
  const auto* text = value.get_ptr<const json::string_t*>();
  if (text != nullptr && absl::SimpleAtoi(*text, &parsed)) return parsed;
  return WrongType(path, "an integer", value);
}

absl::Status FromGoJson(const json& value, const std::string& path, Message& message) {
  const auto* members = value.get_ptr<const json::object_t*>();
  if (members == nullptr) return WrongType(path, "an object", value);
  const auto* descriptor = message.GetDescriptor();
  for (const auto& [name, item] : *members) {
    const std::string place = absl::StrCat(path, ".", Shortened(name));
    const FieldDescriptor* field = descriptor->FindFieldByName(name);
    if (field == nullptr && item.is_null()) continue;  // says nothing, whatever it is
    if (field == nullptr) {
      return absl::UnimplementedError(
          absl::StrCat(place, ": unknown field; a copy without it would not be the same"));
    }
    RK_RETURN_IF_ERROR(PutField(item, place, field, message));
  }
  return absl::OkStatus();
}

}  // namespace rekindle::cri
