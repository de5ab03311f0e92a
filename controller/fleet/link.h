#ifndef REKINDLE_CONTROLLER_FLEET_LINK_H_
#define REKINDLE_CONTROLLER_FLEET_LINK_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include <grpcpp/channel.h>

#include "common/base/backoff.h"
#include "common/base/blocking.h"
#include "common/base/loop.h"
#include "common/client/pause.h"
#include "common/net/tls_files.h"
#include "controller/fleet/channel.h"
#include "controller/fleet/endpoint.h"
#include "controller/fleet/link_states.h"
#include "controller/fleet/remote.h"

namespace rekindle::fleet {

// The connection to the daemon of one node (link_states.h). Each connection is a channel of its
// own that never connects a second time: when and how often is decided here, whatever the number
// of calls that wait, and each takes the certificates as they are then.
// Threads: the loop's.
class Link {
 public:
  struct Options {
    absl::Duration connect_timeout = absl::Seconds(20);  // TCP, TLS and HTTP/2 together
    absl::Duration slow_after = absl::Seconds(3);        // then it makes room for others
    Backoff::Options pauses = {.initial = absl::Milliseconds(100), .max = absl::Seconds(5)};
    double jitter = 0.25;  // a pause is lengthened by up to this part of it
  };

  // What links share, and whom they tell. Outlives them.
  class Host {
   public:
    virtual ~Host() = default;
    // May it connect? The host calls Connect() when it may. `again`: it failed last time.
    virtual void AskTurn(const std::string& node, bool again) = 0;
    // It connects, and has been at it for long.
    virtual void TurnIsSlow(const std::string& node) = 0;
    // It no longer waits or connects.
    virtual void GiveTurn(const std::string& node) = 0;
    // Another state. The host looks later, not inside the call.
    virtual void LinkChanged(const std::string& node) = 0;
    // The connection that was there has ended; still kUp, until the host asks whether it is Usable.
    virtual void LinkEnded(const std::string& node) = 0;
  };
  struct Shared {
    Loop& loop;
    Host& host;
    Remote& remote;
    ChannelWatch& watch;
    Blocking& pool;  // makes channels and lets go of them: a TLS context costs a millisecond
    std::shared_ptr<net::TlsFiles> tls;  // may be null
    client::Random random;
  };
  struct Counters {
    uint64_t connected = 0;
    uint64_t failed = 0;
    uint64_t broken = 0;
  };

  // `shared` and `counters` outlive it.
  Link(const Shared& shared, Counters& counters, const Options& options, std::string node);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { Close(); }

  // Another one, or none: closes what is there and forgets its failures.
  void SetEndpoint(std::optional<Endpoint> endpoint);
  const std::optional<Endpoint>& endpoint() const { return endpoint_; }

  // There is a call for it: connects when it is idle and has an endpoint.
  void Want();
  // It is its turn, as asked for.
  void Connect();
  // A pause ends now, and the next one is short again.
  void Retry();
  // Lets go of the connection; calls on it keep it as long as they last. The host is not told.
  void Close();

  // Whether the connection holds, as far as is known; closes one that has ended in peace.
  bool Usable();
  // Whether the channel says so, without more.
  bool Connected() const;
  // The daemon has answered on the connection `generation`: a break is then no failure to connect.
  void Heard(uint64_t generation);
  // A call on that connection has found it broken.
  void Broke(uint64_t generation, const absl::Status& why);

  LinkState state() const { return state_; }
  bool up() const { return state_ == LinkState::kUp; }
  // The last attempt failed, or the connection broke, and the daemon has not answered since.
  bool failing() const { return !reason_.ok(); }
  // Why, naming the endpoint.
  const absl::Status& reason() const { return reason_; }
  const Remote::Stub& stub() const { return stub_; }
  // Counts connections.
  uint64_t generation() const { return generation_; }

 private:
  // What the pool makes.
  struct Made {
    std::shared_ptr<grpc::Channel> channel;
    Remote::Stub stub;
  };

  void Step(LinkEvent event);
  void OnMade(uint64_t generation, const absl::Status& status, Made& made);
  void Look();
  void AskWhy();
  void OnConnected();
  void WatchEnd();
  void Fail(absl::string_view why);
  void Pause(absl::string_view why, LinkEvent event);
  void DropChannel();

  const Shared& shared_;
  Counters& counters_;
  const Options options_;
  const std::string node_;
  std::optional<Endpoint> endpoint_;
  LinkState state_ = LinkState::kIdle;
  absl::Status reason_;
  Backoff backoff_;
  ScopedTimer timer_;  // of the attempt, or of the pause
  ScopedTimer slow_;
  uint64_t generation_ = 0;
  bool heard_ = false;
  absl::Duration up_since_;
  std::shared_ptr<grpc::Channel> channel_;
  Remote::Stub stub_;
  Remote::FlightPtr question_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle::fleet

#endif  // REKINDLE_CONTROLLER_FLEET_LINK_H_
