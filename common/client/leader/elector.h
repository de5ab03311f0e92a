#ifndef REKINDLE_COMMON_CLIENT_LEADER_ELECTOR_H_
#define REKINDLE_COMMON_CLIENT_LEADER_ELECTOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/base/loop.h"
#include "common/client/api_client.h"
#include "common/client/leader/lease.h"
#include "common/client/pause.h"
#include "common/client/write_gate.h"
#include "common/json/json_fwd.h"

namespace rekindle::client {

// Competes for a Lease and keeps it (spec kubernetes-api 10.2).
//
// Nothing is written after the lease is lost: the gate is open until renew_deadline after the
// moment at which the last successful renewal was *sent*, by this machine's monotonic clock, and
// closes by itself, even if the loop stands still. Others count the lease's whole duration from a
// later moment, the one at which they saw the renewal. The time between the two (5 s with the
// defaults) is for what was sent just before the gate closed: the transport's connections give up
// data that is not acknowledged within it (CurlTransport::Options::unacknowledged).
//
// Threads: the loop's.
class LeaderElector {
 public:
  struct Options {
    ObjectKey lease;
    std::string identity;  // unique for each process: NewIdentity()
    LeaseTimes times;
    // Called on the loop, not inline. `term` is the lease's number of transitions: it grows with
    // each leader, so it can fence off an earlier one's commands.
    std::function<void(int64_t term)> started;
    // Leadership is over. The gate is closed; calls that are under way should be dropped now
    // (ApiClient::Shutdown of the gated client). The elector competes no more until Start.
    std::function<void(const absl::Status& why)> stopped;
    std::function<void(const std::string& identity)> leader_changed;  // "": nobody
  };

  // `client` has no gate, a timeout of half the renew deadline at most, and a rate limit of its
  // own, so that renewals wait for nothing else. Errors: kInvalidArgument for `options`.
  static absl::StatusOr<std::unique_ptr<LeaderElector>> Make(ApiClient& client,
                                                             std::shared_ptr<WriteGate> gate,
                                                             Options options, Random random);
  // Closes the gate; the lease is not released.
  ~LeaderElector();

  // Competes, again after a loss.
  void Start();

  // Ends competing. A leader's gate closes, and the lease is given back, so that another takes over
  // at once; the writes that are under way must have ended before. `done` comes when that is done
  // or has failed: then the lease expires by itself.
  void Release(absl::AnyInvocable<void(absl::Status)> done);

  bool leading() const { return state_ == State::kLeading; }
  // Who holds the lease as far as is known.
  const std::string& leader() const { return leader_; }
  // Why this one does not lead, or why the last renewal failed.
  const absl::Status& last_error() const { return last_error_; }

 private:
  enum class State { kIdle, kCompeting, kLeading, kReleasing };

  LeaderElector(ApiClient& client, std::shared_ptr<WriteGate> gate, Options options, Random random);

  void Attempt();
  void OnRead(absl::StatusOr<Json> lease);
  void Create();
  void Write();
  void OnWritten(absl::StatusOr<Json> lease);
  void Observe(const Json& lease);
  bool Free() const;
  void Schedule();
  void Won(const Json& lease);
  void Renewed();
  void Lose(const absl::Status& why);
  void OnReleased(const absl::Status& status);
  ObjectRef Ref() const { return {LeaseResource(), options_.lease, ""}; }

  ApiClient& client_;
  Loop& loop_;
  const std::shared_ptr<WriteGate> gate_;
  const Options options_;
  const Random random_;
  State state_ = State::kIdle;
  std::string leader_;
  absl::Status last_error_;
  // The lease as it was last seen, and when its spec was last seen to change.
  std::unique_ptr<Json> seen_;
  absl::Duration seen_at_;
  bool read_first_ = true;  // what is known may be out of date
  bool writing_ = false;    // a write is under way
  absl::Duration sent_at_;  // of the write that is under way
  absl::Duration renewed_at_;
  ScopedTimer retry_timer_;
  ScopedTimer deadline_timer_;
  ScopedCall call_;
  absl::AnyInvocable<void(absl::Status)> released_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// "<host>_<16 random hexadecimal digits>".
std::string NewIdentity(const std::string& host, const Random& random);

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_LEADER_ELECTOR_H_
