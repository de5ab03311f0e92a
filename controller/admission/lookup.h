#ifndef REKINDLE_CONTROLLER_ADMISSION_LOOKUP_H_
#define REKINDLE_CONTROLLER_ADMISSION_LOOKUP_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include <nlohmann/json.hpp>

#include "common/api/kinds/admission.h"
#include "common/base/loop.h"
#include "common/client/api_client.h"
#include "common/client/resource.h"
#include "common/json/json_fwd.h"

namespace rekindle::admission {

// How the rules look at pods, nodes and other objects: in a cache of the caller's where that has
// the object, else by a GET of now. A restart request names containers by their IDs, so pods should
// be read afresh (spec container-recreate 12.6).
// Threads: Get on any but the loop's; the rest as said.
class ObjectLookup {
 public:
  // What a cache has; nullopt: it must be asked for. Called on many threads at once.
  using Cached =
      std::function<std::optional<Json>(const client::ApiResource&, const client::ObjectKey&)>;

  // `cached` may be null. `client` and `loop` outlive it.
  ObjectLookup(Loop& loop, client::ApiClient& client, Cached cached);
  // As Stop. Threads: the loop's, or any once the loop has stopped.
  ~ObjectLookup();
  ObjectLookup(const ObjectLookup&) = delete;
  ObjectLookup& operator=(const ObjectLookup&) = delete;

  // Blocks until `deadline`, a moment of the loop's monotonic clock. Errors: kNotFound;
  // kDeadlineExceeded; kUnavailable after Stop; kInvalidArgument for a kind that nobody knows and
  // for names that make no path; those of the client.
  absl::StatusOr<Json> Get(absl::string_view api_version, absl::string_view kind,
                           absl::string_view name_space, absl::string_view name,
                           absl::Duration deadline);

  // Whoever waits in Get gets kUnavailable, now and later. Threads: any.
  void Stop();

 private:
  struct State;
  Loop& loop_;
  const Cached cached_;
  const std::shared_ptr<State> state_;
};

// One review's view of it. Threads: one.
class ReviewReader final : public api::ObjectReader {
 public:
  ReviewReader(ObjectLookup& lookup, absl::Duration deadline)
      : lookup_(lookup), deadline_(deadline) {}

  absl::StatusOr<Json> Get(absl::string_view api_version, absl::string_view kind,
                           absl::string_view name_space, absl::string_view name) const override {
    return lookup_.Get(api_version, kind, name_space, name, deadline_);
  }

 private:
  ObjectLookup& lookup_;
  const absl::Duration deadline_;
};

// How long a review may take whose URL is `target`: what the API server waits ("?timeout=5s"; 10 s
// when it does not say, 30 s at most) less the time that the answer needs to get there. Pure.
absl::Duration TimeFor(absl::string_view target);

}  // namespace rekindle::admission

#endif  // REKINDLE_CONTROLLER_ADMISSION_LOOKUP_H_
