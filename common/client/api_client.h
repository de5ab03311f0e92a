#ifndef REKINDLE_COMMON_CLIENT_API_CLIENT_H_
#define REKINDLE_COMMON_CLIENT_API_CLIENT_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/api/status.h"
#include "common/base/loop.h"
#include "common/base/token_bucket.h"
#include "common/client/config/credentials.h"
#include "common/client/http/transport.h"
#include "common/client/resource.h"
#include "common/client/write_gate.h"
#include "common/json/json_fwd.h"

namespace rekindle::client {

enum class PatchType { kJson, kMerge, kStrategic, kApply };

struct WriteOptions {
  std::string field_manager;
  std::string field_validation;  // "Strict", "Warn", "Ignore"; empty: the server's default
  bool dry_run = false;
  bool force = false;  // server-side apply only
  // What nobody waits for (events): while other calls wait for their turn, it gets a tenth of the
  // turns.
  bool background = false;
};

struct DeleteOptions {
  std::string uid;  // preconditions; empty: none
  std::string resource_version;
  std::string propagation;     // "Background", "Foreground", "Orphan"; empty: the kind's default
  int64_t grace_seconds = -1;  // negative: the object's own
  bool dry_run = false;
};

// A call as metrics and logs see it, when it is over.
struct CallReport {
  absl::string_view verb;  // "get", "list", "watch", "create", ...
  const ApiResource& resource;
  absl::Status status;
  absl::Duration took;
  int attempts = 1;
  const std::vector<std::string>& warnings;  // what the server warned of
};

// Speaks the REST API of one server: paths, bodies, errors, credentials, retries, rate limit.
//
// Errors of every call, as absl::Status: what the server refused has its metav1.Status inside
// (api::FromStatus) and a code that says what to do (api::ToStatus); kUnavailable and
// kDeadlineExceeded of the transport; kInvalidArgument for names that make no path;
// kFailedPrecondition when the write gate is closed; kCancelled after Shutdown.
//
// A call is repeated when the server says so: 429 and 5xx with Retry-After, after exactly that
// long, at most 10 times and within the call's timeout (spec kubernetes-api 12.2); after a 401
// once, with credentials read anew; and a read whose connection broke before an answer, twice.
//
// Threads: the loop's. Callbacks arrive there, never inline, once per call unless it is cancelled.
class ApiClient {
 public:
  using CallId = uint64_t;  // 0 is never a call
  using JsonDone = absl::AnyInvocable<void(absl::StatusOr<Json>)>;
  using Done = absl::AnyInvocable<void(absl::Status)>;

  struct Options {
    double requests_per_second = 50;  // watches count once
    double burst = 100;
    // Requests that are under way at a time, watches aside; further ones wait here for an answer to
    // one of them. One connection carries so many beside some watches and the lease's renewals: a
    // thousand at once would hold those up for longer than a lease lasts.
    size_t most_at_once = 64;
    absl::Duration timeout = absl::Seconds(30);  // of a call with all that is repeated of it
    int max_retries = 10;
    size_t max_body_bytes = size_t{64} << 20;
    std::string user_agent = "rekindle";  // up to the first slash it names the field manager
    // Asked before each write; null: writes are always allowed.
    std::shared_ptr<const WriteGate> gate;
    std::function<void(const CallReport&)> observer;
  };

  // All outlive the client.
  ApiClient(Loop& loop, Transport& transport, CredentialSource& credentials, Options options);
  // As Shutdown, without the callbacks.
  ~ApiClient();
  ApiClient(const ApiClient&) = delete;
  ApiClient& operator=(const ApiClient&) = delete;

  CallId Get(const ObjectRef& ref, JsonDone done);
  // POST to a collection. With a `ref.subresource` to that of an object (eviction, binding, token);
  // else the name in `ref` is not looked at: it is the object's.
  CallId Create(const ObjectRef& ref, const Json& object, const WriteOptions& options,
                JsonDone done);
  // PUT. What the object's metadata.resourceVersion says is the precondition.
  CallId Update(const ObjectRef& ref, const Json& object, const WriteOptions& options,
                JsonDone done);
  CallId Patch(const ObjectRef& ref, PatchType type, const Json& patch, const WriteOptions& options,
               JsonDone done);
  // The answer is the object while it is still there, else a Status (spec kubernetes-api 8.2).
  CallId Delete(const ObjectRef& ref, const DeleteOptions& options, JsonDone done);

  // A read that is decoded on the way. `verb`: "list" or "watch", for errors and reports.
  struct ReadRequest {
    std::string verb;
    ApiResource resource;
    std::string target;
    absl::Duration timeout = absl::Seconds(60);
    bool long_lived = false;  // a watch: its answer may go on until the timeout
  };
  // GET of any path. `reader` gets the body of a 2xx, of one answer at most: one that breaks off is
  // not asked for again.
  CallId Read(const ReadRequest& request, std::shared_ptr<BodyReader> reader, Done done);

  // Drops a call; its callback does not come. False when it is over already. A write that has been
  // sent may still be carried out.
  bool Cancel(CallId call);

  // Ends all calls with kCancelled, and refuses new ones with it.
  void Shutdown();

  size_t calls() const { return calls_.size(); }
  Loop& loop() { return loop_; }

 private:
  struct Call;
  using Reply = absl::AnyInvocable<void(absl::StatusOr<HttpReply>)>;

  CallId StartJson(absl::string_view verb, const ObjectRef& ref, absl::StatusOr<std::string> path,
                   HttpRequest request, bool background, JsonDone done);
  CallId Begin(std::unique_ptr<Call> call);
  CallId Refuse(absl::Status why, Reply done);
  void WaitForTurn(CallId id);
  void ServeTurns();
  // Ends those at the head of a line whose time is over, and forgets those that are gone.
  void EndLate(std::deque<CallId>& line);
  // The line whose head goes next; null: nobody waits.
  std::deque<CallId>* NextLine();
  absl::Duration FirstDeadline() const;
  // Of those that are bounded by most_at_once.
  bool TakePlace(Call& call);
  void LeavePlace(Call& call);
  void Authorize(CallId id);
  void Send(CallId id, absl::StatusOr<Credentials> credentials);
  void OnReply(CallId id, absl::StatusOr<HttpReply> reply);
  // How long to wait before the call is repeated; none: it is over.
  std::optional<absl::Duration> RepeatAfter(Call& call, const absl::StatusOr<HttpReply>& reply);
  void Finish(CallId id, absl::StatusOr<HttpReply> reply);
  absl::Status StatusOf(const Call& call, const absl::StatusOr<HttpReply>& reply) const;
  Call* Find(CallId id);

  Loop& loop_;
  Transport& transport_;
  CredentialSource& credentials_;
  const Options options_;
  TokenBucket bucket_;
  std::deque<CallId> turns_;  // first come, first served
  std::deque<CallId> background_turns_;
  int turns_in_a_row_ = 0;  // given while one in the background waited
  ScopedTimer turn_timer_;
  size_t places_taken_ = 0;
  CallId next_ = 1;
  bool shut_down_ = false;
  absl::flat_hash_map<CallId, std::unique_ptr<Call>> calls_;
  // Tells callbacks that arrive late that the client is gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// A call that is cancelled when it goes out of scope or is replaced.
// Threads: the loop's.
class ScopedCall {
 public:
  ScopedCall() = default;
  ScopedCall(const ScopedCall&) = delete;
  ScopedCall& operator=(const ScopedCall&) = delete;
  ~ScopedCall() { Cancel(); }

  void Set(ApiClient& client, ApiClient::CallId call) {
    Cancel();
    client_ = &client;
    call_ = call;
  }
  void Cancel() {
    if (call_ != 0) client_->Cancel(std::exchange(call_, 0));
  }
  // The call is over: its callback has come.
  void Over() { call_ = 0; }

 private:
  ApiClient* client_ = nullptr;
  ApiClient::CallId call_ = 0;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_API_CLIENT_H_
