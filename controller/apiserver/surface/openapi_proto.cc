#include "controller/apiserver/surface/openapi_proto.h"

#include <cstdint>

#include "absl/strings/string_view.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"

namespace rekindle::apiserver {
namespace {

// Writes fields of one message. Numbers are those of openapi.v2.
class Message {
 public:
  void Text(uint32_t number, absl::string_view text) {
    Varint(number << 3 | 2);
    Varint(text.size());
    out_.append(text.data(), text.size());
  }
  void Bool(uint32_t number, bool value) {
    Varint(number << 3);
    Varint(value ? 1 : 0);
  }
  void Below(uint32_t number, const Message& message) { Text(number, message.out_); }
  // Member `key` of `tree` when it is a text.
  void Member(uint32_t number, const Json& tree, absl::string_view key) {
    const absl::string_view text = json::String(tree, key);
    if (!text.empty()) Text(number, text);
  }
  std::string Take() { return std::move(out_); }

 private:
  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
    out_ += static_cast<char>(value);
  }

  std::string out_;
};

// NamedX { 1 name; 2 value }
Message Named(absl::string_view name, const Message& value) {
  Message out;
  out.Text(1, name);
  out.Below(2, value);
  return out;
}

void Extensions(uint32_t number, const Json& tree, Message& out) {
  for (const auto& [key, value] : tree.items()) {
    if (!key.starts_with("x-")) continue;
    Message any;
    any.Text(2, json::Dump(value));  // 1 would be a google.protobuf.Any
    out.Below(number, Named(key, any));
  }
}

void TextList(uint32_t number, const Json& tree, absl::string_view key, Message& out) {
  const Json* list = json::Find(tree, key);
  if (list == nullptr || !list->is_array()) return;
  for (const Json& one : *list) {
    if (one.is_string()) out.Text(number, one.get_ref<const std::string&>());
  }
}

Message Schema(const Json& schema) {
  Message out;
  out.Member(1, schema, "$ref");
  out.Member(2, schema, "format");
  out.Member(4, schema, "description");
  TextList(19, schema, "required", out);
  if (const Json* more = json::Find(schema, "additionalProperties")) {
    Message item;
    if (more->is_object()) {
      item.Below(1, Schema(*more));
    } else {
      item.Bool(2, *more == true);
    }
    out.Below(21, item);
  }
  if (const absl::string_view type = json::String(schema, "type"); !type.empty()) {
    Message item;
    item.Text(1, type);
    out.Below(22, item);
  }
  if (const Json* items = json::Find(schema, "items")) {
    Message item;
    item.Below(1, Schema(*items));
    out.Below(23, item);
  }
  if (const Json* properties = json::Find(schema, "properties")) {
    Message item;
    for (const auto& [name, below] : properties->items()) item.Below(1, Named(name, Schema(below)));
    out.Below(25, item);
  }
  Extensions(31, schema, out);
  return out;
}

Message Parameter(const Json& parameter) {
  Message schema;
  const bool path = json::String(parameter, "in") == "path";
  if (path) schema.Bool(1, true);
  schema.Member(2, parameter, "in");
  schema.Member(3, parameter, "description");
  schema.Member(4, parameter, "name");
  schema.Member(path ? 5 : 6, parameter, "type");
  Message other;  // NonBodyParameter
  other.Below(path ? 4 : 3, schema);
  Message one;
  one.Below(2, other);
  Message item;
  item.Below(1, one);
  return item;
}

void Parameters(uint32_t number, const Json& tree, Message& out) {
  const Json* list = json::Find(tree, "parameters");
  if (list == nullptr) return;
  for (const Json& one : *list) out.Below(number, Parameter(one));
}

Message Operation(const Json& operation) {
  Message out;
  TextList(6, operation, "produces", out);
  TextList(7, operation, "consumes", out);
  Parameters(8, operation, out);
  Message response;
  response.Text(1, "OK");
  Message value;
  value.Below(1, response);
  Message responses;
  responses.Below(1, Named("200", value));
  out.Below(9, responses);
  Extensions(13, operation, out);
  return out;
}

}  // namespace

std::string EncodeOpenApiV2(const Json& document) {
  Message out;
  out.Member(1, document, "swagger");
  Message info;
  if (const Json* given = json::Find(document, "info")) {
    info.Member(1, *given, "title");
    info.Member(2, *given, "version");
  }
  out.Below(2, info);
  Message paths;
  if (const Json* given = json::Find(document, "paths")) {
    static constexpr std::pair<const char*, uint32_t> kMethods[] = {
        {"get", 2}, {"put", 3}, {"post", 4}, {"delete", 5}, {"patch", 8}};
    for (const auto& [name, path] : given->items()) {
      Message item;
      for (const auto& [method, number] : kMethods) {
        if (const Json* operation = json::Find(path, method)) {
          item.Below(number, Operation(*operation));
        }
      }
      Parameters(9, path, item);
      paths.Below(2, Named(name, item));
    }
  }
  out.Below(8, paths);
  Message definitions;
  if (const Json* given = json::Find(document, "definitions")) {
    for (const auto& [name, schema] : given->items()) {
      definitions.Below(1, Named(name, Schema(schema)));
    }
  }
  out.Below(9, definitions);
  return out.Take();
}

}  // namespace rekindle::apiserver
