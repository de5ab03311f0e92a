#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_DECODE_CACHE_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_DECODE_CACHE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"

#include "common/base/sync.h"
#include "common/json/json_fwd.h"
#include "controller/apiserver/store/store.h"

namespace rekindle::apiserver {

// Changes as trees and as texts: 200 watchers of one change parse and convert it once. Bounded by
// the size of the texts; what falls out is made anew for the watcher that still wants it.
// Thread-safe.
class DecodeCache {
 public:
  enum class Side { kAfter, kBefore };
  // Makes the tree of a text; called without locks of the cache that others wait for.
  using Decode = std::function<absl::StatusOr<Json>(const std::string& text)>;

  explicit DecodeCache(size_t most_bytes = 64u << 20) : most_bytes_(most_bytes) {}

  // The object after (or before) the change in the version named, made by `decode` the first time.
  absl::StatusOr<std::shared_ptr<const Json>> Get(const Change& change, Side side,
                                                  const std::string& api_version,
                                                  const Decode& decode);
  // The same for a text that is made of the stored one.
  using Print = std::function<absl::StatusOr<std::string>(const std::string& text)>;
  absl::StatusOr<std::shared_ptr<const std::string>> GetText(const Change& change, Side side,
                                                             const std::string& api_version,
                                                             const Print& print);
  size_t bytes();

 private:
  // Each revision belongs to one change.
  using Name = std::pair<Revision, std::string>;  // the text is the side and the version
  struct Entry {
    Mutex mutex;
    std::shared_ptr<const Json> tree ABSL_GUARDED_BY(mutex);
    std::shared_ptr<const std::string> text ABSL_GUARDED_BY(mutex);
  };

  // Makes an entry when there is none; `stored` is not null.
  std::shared_ptr<Entry> EntryOf(const Change& change, Side side, const std::string& api_version,
                                 const std::string& stored);

  const size_t most_bytes_;
  Mutex mutex_;
  absl::flat_hash_map<Name, std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::pair<Name, size_t>> order_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_DECODE_CACHE_H_
