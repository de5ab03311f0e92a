#include "controller/apiserver/surface/protobuf_table.h"

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace rekindle::apiserver {

absl::StatusOr<ProtobufTable> ProtobufTable::Make(const api::Schema& schema,
                                                  absl::string_view numbers) {
  ProtobufTable out;
  std::string package;
  const api::Type* type = nullptr;
  std::vector<std::string> words =
      absl::StrSplit(numbers, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  for (size_t i = 0; i < words.size(); ++i) {
    absl::string_view word = words[i];
    if (word == "package" && i + 1 < words.size()) {
      package = words[++i];
      continue;
    }
    if (absl::ConsumeSuffix(&word, ":")) {
      type = schema.FindType(absl::StrCat(package, ".", word));
      if (type == nullptr) return absl::InvalidArgumentError(absl::StrCat("no type ", word));
      out.messages_[type];
      continue;
    }
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(word, absl::MaxSplits('=', 1));
    absl::string_view name = pair.first;
    const bool pointer = absl::ConsumeSuffix(&name, "*");
    const auto* field = type == nullptr ? nullptr : type->Find(name);
    if (field == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat(type == nullptr ? "" : type->name, " has no member ", name));
    }
    ProtobufMessage* message = &out.messages_[type];
    std::vector<absl::string_view> path = absl::StrSplit(pair.second, '.');
    for (size_t step = 0; step < path.size(); ++step) {
      uint32_t number = 0;
      if (!absl::SimpleAtoi(path[step], &number) || number == 0) {
        return absl::InvalidArgumentError(absl::StrCat("no number: ", word));
      }
      ProtobufMessage::Slot& place = message->slots[number];
      if (place.field != nullptr || (step + 1 == path.size() && place.inlined != nullptr)) {
        return absl::InvalidArgumentError(absl::StrCat(type->name, ": number twice: ", word));
      }
      if (step + 1 == path.size()) {
        place.field = field;
        place.pointer = pointer;
      } else {
        if (place.inlined == nullptr) place.inlined = std::make_unique<ProtobufMessage>();
        message = place.inlined.get();
      }
    }
  }
  return out;
}

const ProtobufMessage* ProtobufTable::Find(const api::Type& type) const {
  const auto it = messages_.find(&type);
  return it == messages_.end() ? nullptr : &it->second;
}

}  // namespace rekindle::apiserver
