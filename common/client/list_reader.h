#ifndef REKINDLE_COMMON_CLIENT_LIST_READER_H_
#define REKINDLE_COMMON_CLIENT_LIST_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/client/decode.h"

namespace rekindle::client {

// Reads one page of a list while it arrives, object by object: neither its text nor anything of
// that size is ever held. A server that knows no pages, or whose snapshot of them is gone, sends
// 100,000 pods in one answer of a gigabyte.
//
// Errors: kInvalidArgument when it is no list of an API, an object in it has no name, or it is no
// JSON: then nothing of it can be used. kResourceExhausted when an object is larger than allowed,
// or what is beside the objects is. An object that the decoder refuses is an item with `broken`
// set. Fuzzed by tests/fuzz/watch_frame_fuzz.cc. Threads: as the decoder's.
class ListReader {
 public:
  // `decoder` outlives the reader.
  ListReader(Decoder& decoder, size_t max_object_bytes);
  ~ListReader();

  // The next bytes, wherever they are cut. After an error the reader is of no more use.
  absl::Status Feed(absl::string_view bytes);
  // After the last ones.
  absl::StatusOr<ListPage> Finish();

 private:
  enum class Place : uint8_t {
    kBeside,       // before or behind the objects
    kFirstObject,  // an object or the end of the array comes next
    kNextObject,   // an object comes next
    kAfterObject,  // a comma or the end of the array comes next
    kInObject,
  };
  // Where brackets and texts stand, across chunks.
  struct Nesting {
    int depth = 0;
    bool in_text = false;
    bool escaped = false;
  };
  // How many bytes were used, at least one or, where an object begins, none.
  absl::StatusOr<size_t> TakeBeside(absl::string_view bytes);
  absl::StatusOr<size_t> TakeBetween(absl::string_view bytes);
  absl::StatusOr<size_t> TakeOfObject(absl::string_view bytes);
  absl::Status TakeObject(absl::string_view text);

  Decoder& decoder_;
  const size_t max_object_bytes_;
  struct Parser;
  std::unique_ptr<Parser> parser_;
  Place place_ = Place::kBeside;
  Nesting beside_;
  Nesting within_;
  std::string last_text_;    // of the list's own members, as far as it matters
  bool items_next_ = false;  // the value that comes is that of "items"
  std::string envelope_;     // the list without its objects
  std::string object_;       // what has come of the object under way
  ListPage page_;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_LIST_READER_H_
