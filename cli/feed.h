#ifndef REKINDLE_CLI_FEED_H_
#define REKINDLE_CLI_FEED_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/api_session.h"

#include "common/client/reflector.h"
#include "common/client/resource.h"

namespace rekindle::cli {

// One thing that happened in a collection.
struct FeedChange {
  client::ObjectKey key;
  ObjectPtr object;  // the object as it is now; as it was last when it is gone
  bool gone = false;
};

// What happens in a collection, for one thread that waits: first what is there, then each change. A
// watch that breaks is resumed, and what was missed is told. Threads: the session's.
class Feed {
 public:
  // Begins at once. `session` outlives it.
  Feed(ApiSession& session, const client::Collection& collection);
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  // What has happened since the last call, in order; waits for the first of it at most `patience`.
  std::vector<FeedChange> Take(absl::Duration patience);

  // Waits until everything that is there can be taken. Errors: the first one of the server or of
  // the way to it; kDeadlineExceeded after `limit`; kCancelled when interrupted.
  absl::Status AwaitFirst(absl::Duration limit);

  struct State {
    bool synced = false;  // everything that was there can be taken
    // Why nothing comes at the moment; OK while the server is heard.
    absl::Status trouble;
  };
  State Look();

 private:
  struct Shared;
  struct Source;

  ApiSession& session_;
  const std::shared_ptr<Shared> shared_;
  std::unique_ptr<Source> source_;  // the loop's
};

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_FEED_H_
