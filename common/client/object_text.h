#ifndef REKINDLE_COMMON_CLIENT_OBJECT_TEXT_H_
#define REKINDLE_COMMON_CLIENT_OBJECT_TEXT_H_

#include <simdjson.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "common/client/decode.h"

// Objects as texts, for the .cc files of this folder that read them: no other file should have to
// compile simdjson.
namespace rekindle::client {

// A document's text with the room behind it that the parser wants. The buffers are kept from one
// document to the next.
class Document {
 public:
  simdjson::simdjson_result<simdjson::ondemand::document> Open(absl::string_view text) {
    buffer_.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    buffer_.assign(text.data(), text.size());
    return parser_.iterate(
        simdjson::padded_string_view(buffer_.data(), buffer_.size(), buffer_.capacity()));
  }

 private:
  simdjson::ondemand::parser parser_;
  std::string buffer_;
};

// "what: why"
absl::Status Broken(absl::string_view what, simdjson::error_code code);

// Nothing but blanks is behind the value.
bool AtEnd(simdjson::ondemand::document& document);

// A text; null counts as empty.
simdjson::error_code ReadText(simdjson::ondemand::value value, std::string& out);

struct Metadata {
  ObjectMeta meta;
  bool initial_end = false;  // the annotation k8s.io/initial-events-end
};

// The metadata among an object's members.
simdjson::error_code ReadMembers(simdjson::ondemand::object& object, Metadata& out);
// The same of an object within a document, and where its text is.
simdjson::error_code ReadObject(simdjson::ondemand::value value, Metadata& out,
                                absl::string_view& raw);

Item DecodeItem(ObjectMeta meta, absl::string_view raw, Decoder& decoder);

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_OBJECT_TEXT_H_
