#ifndef REKINDLE_COMMON_CLIENT_DECODE_H_
#define REKINDLE_COMMON_CLIENT_DECODE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/api/status.h"
#include "common/client/resource.h"

namespace rekindle::client {

// What every cache needs of an object, whatever else it keeps.
struct ObjectMeta {
  ObjectKey key;
  std::string uid;
  std::string resource_version;
};

// Turns one object into what a cache keeps of it. The record's type is the decoder's and the
// cache's business (TypedDecoder); in between it is passed along unseen.
// Threads: one call after the other, on the transport's thread.
class Decoder {
 public:
  using Record = std::shared_ptr<const void>;

  virtual ~Decoder() = default;

  // `object` is the JSON text of one object; in lists of built-in kinds it has neither apiVersion
  // nor kind (spec kubernetes-api 1.3). Errors: whatever makes the object useless; the cache then
  // keeps what it had of it and reports the error.
  virtual absl::StatusOr<Record> Decode(absl::string_view object) = 0;
};

// One object as it came. Either `record` is set or `broken` says why it could not be decoded.
struct Item {
  ObjectMeta meta;
  Decoder::Record record;
  absl::Status broken;
};

struct ListPage {
  std::string resource_version;  // of the whole list
  std::string continue_token;    // empty: the last page
  std::vector<Item> items;
};

struct WatchEvent {
  enum class Type { kAdded, kModified, kDeleted, kBookmark, kError };
  Type type = Type::kAdded;
  Item item;                 // kBookmark: only the resource version
  bool initial_end = false;  // the bookmark that ends the initial events of a streaming list
  api::ApiError error;       // kError
};

// Reads one event of a watch. A deleted object is not decoded: its cache has the last state that it
// knew. Errors: kInvalidArgument when it is no event, an object in it has no name, or it is no
// JSON. An object that `decoder` refuses is an item with `broken` set. Fuzzed by
// tests/fuzz/watch_frame_fuzz.cc. Threads: as the decoder's.
absl::StatusOr<WatchEvent> DecodeWatchEvent(absl::string_view frame, Decoder& decoder);

// Cuts a stream into its frames, one JSON value and a line feed each (spec kubernetes-api 6.1).
// Chunks of the stream may end anywhere. Threads: thread-compatible.
class FrameSplitter {
 public:
  explicit FrameSplitter(size_t max_frame_bytes) : most_(max_frame_bytes) {}

  // Calls `take(frame)` for each frame that is complete now, empty ones left out; the first error
  // ends it and is returned. Errors: kResourceExhausted for a frame beyond the limit.
  template <typename Take>
  absl::Status Feed(absl::string_view bytes, Take take) {
    while (!bytes.empty()) {
      const size_t end = bytes.find('\n');
      const absl::string_view part = bytes.substr(0, end);
      if (rest_.size() + part.size() > most_) {
        return absl::ResourceExhaustedError("an event of a watch is too large");
      }
      if (end == absl::string_view::npos) {
        rest_.append(part.data(), part.size());
        return absl::OkStatus();
      }
      bytes.remove_prefix(end + 1);
      absl::Status taken;
      if (rest_.empty()) {
        if (!part.empty()) taken = take(part);
      } else {
        rest_.append(part.data(), part.size());
        taken = take(absl::string_view(rest_));
        rest_.clear();
      }
      if (!taken.ok()) return taken;
    }
    return absl::OkStatus();
  }

  // What is left of a frame that has not ended.
  const std::string& rest() const { return rest_; }

 private:
  const size_t most_;
  std::string rest_;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_DECODE_H_
