#ifndef REKINDLE_TEST_DAEMON_CRI_GO_JSON_WRITER_H_
#define REKINDLE_TEST_DAEMON_CRI_GO_JSON_WRITER_H_

#include <string>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <nlohmann/json.hpp>

namespace rekindle::testing {

// What Go's encoding/json makes of a CRI struct, by the rules of spec/node-runtime 1.11: the
// counterpart of the parser, written from the rules and not from its code.
nlohmann::json GoJson(const google::protobuf::Message& message);

namespace internal {

inline nlohmann::json Scalar(const google::protobuf::Message& m,
                             const google::protobuf::FieldDescriptor* f, int i) {
  const auto* r = m.GetReflection();
  const bool many = f->is_repeated();
  switch (f->cpp_type()) {
    case google::protobuf::FieldDescriptor::CPPTYPE_BOOL:
      return many ? r->GetRepeatedBool(m, f, i) : r->GetBool(m, f);
    case google::protobuf::FieldDescriptor::CPPTYPE_INT32:
      return many ? r->GetRepeatedInt32(m, f, i) : r->GetInt32(m, f);
    case google::protobuf::FieldDescriptor::CPPTYPE_UINT32:
      return many ? r->GetRepeatedUInt32(m, f, i) : r->GetUInt32(m, f);
    case google::protobuf::FieldDescriptor::CPPTYPE_INT64:
      return many ? r->GetRepeatedInt64(m, f, i) : r->GetInt64(m, f);
    case google::protobuf::FieldDescriptor::CPPTYPE_UINT64:
      return many ? r->GetRepeatedUInt64(m, f, i) : r->GetUInt64(m, f);
    case google::protobuf::FieldDescriptor::CPPTYPE_ENUM:
      return many ? r->GetRepeatedEnumValue(m, f, i) : r->GetEnumValue(m, f);
    case google::protobuf::FieldDescriptor::CPPTYPE_STRING:
      return many ? r->GetRepeatedString(m, f, i) : r->GetString(m, f);
    case google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE:
      return GoJson(many ? r->GetRepeatedMessage(m, f, i) : r->GetMessage(m, f));
    default:
      return nullptr;
  }
}

}  // namespace internal

inline nlohmann::json GoJson(const google::protobuf::Message& message) {
  nlohmann::json out = nlohmann::json::object();
  std::vector<const google::protobuf::FieldDescriptor*> set;
  message.GetReflection()->ListFields(message, &set);  // proto3: those that are not zero
  for (const auto* field : set) {
    nlohmann::json& slot = out[field->name()];
    if (!field->is_repeated()) {
      slot = internal::Scalar(message, field, 0);
      continue;
    }
    const int size = message.GetReflection()->FieldSize(message, field);
    for (int i = 0; i < size; ++i) {
      if (!field->is_map()) {
        slot.push_back(internal::Scalar(message, field, i));
        continue;
      }
      const auto& entry = message.GetReflection()->GetRepeatedMessage(message, field, i);
      const auto* type = field->message_type();
      slot[entry.GetReflection()->GetString(entry, type->map_key())] =
          entry.GetReflection()->GetString(entry, type->map_value());
    }
  }
  return out;
}

}  // namespace rekindle::testing

#endif  // REKINDLE_TEST_DAEMON_CRI_GO_JSON_WRITER_H_
