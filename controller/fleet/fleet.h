#ifndef REKINDLE_CONTROLLER_FLEET_FLEET_H_
#define REKINDLE_CONTROLLER_FLEET_FLEET_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/base/backoff.h"
#include "common/base/blocking.h"
#include "common/base/loop.h"
#include "common/base/token_bucket.h"
#include "common/client/pause.h"
#include "common/net/tls_files.h"
#include "controller/fleet/connect_line.h"
#include "controller/fleet/endpoint.h"
#include "controller/fleet/link.h"
#include "controller/fleet/node_calls.h"
#include "controller/fleet/remote.h"
#include "controller/fleet/stats.h"
#include "controller/fleet/turns.h"

namespace rekindle::fleet {

struct FleetOptions {
  Turns::Limits calls;          // under way: 64 per node, 5,000 in all
  size_t most_connecting = 64;  // connections that are being made at once (connect_line.h)
  Link::Options link;
  // A connection that nobody uses is closed after this time; earlier, when there are more than so
  // many: each takes some 130 kB, most of it OpenSSL's. But not at once: the steps of one restart
  // follow each other, and of thousands each step would need a handshake of its own.
  absl::Duration idle_after = absl::Minutes(5);
  size_t most_idle = 256;
  absl::Duration idle_at_least = absl::Seconds(10);
  // After ConnectAhead: so many connections that nobody has asked for are being made at once, so
  // many are begun in a second. It is work in the background, for the daemons' machines too. A node
  // that could not be reached is tried again after a while, or when its endpoint is set again.
  size_t ahead_at_once = 8;
  double ahead_per_second = 100;
  absl::Duration ahead_again = absl::Minutes(1);
  // Between streams of one call that the daemon, which can be reached, could not take.
  Backoff::Options repeats = {.initial = absl::Milliseconds(100), .max = absl::Seconds(5)};
};

// The daemons of all nodes, over gRPC: one connection each, made when it is needed, or ahead. See
// README.md.
// Threads: the loop's, destructor included; gRPC's own threads decode.
class Fleet final : public NodeCalls, public Endpoints, private Link::Host {
 public:
  // `loop` outlives it. `tls` may be null: then only sockets can be reached.
  Fleet(Loop& loop, const FleetOptions& options, std::shared_ptr<net::TlsFiles> tls,
        client::Random random = client::SystemRandom());
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;
  // Drops all calls: no callback comes any more. Waits for gRPC's threads, not for daemons.
  ~Fleet() override;

  absl::Status SetEndpoint(const std::string& node, const Endpoint& endpoint) override;
  void RemoveEndpoint(const std::string& node) override;

  CallId Restart(const std::string& node, node::v1::RestartContainersRequest request,
                 absl::Duration timeout, RestartEvents events) override;
  CallId ListPods(const std::string& node, node::v1::ListPodsRequest request,
                  absl::Duration timeout, PodsDone done) override;
  CallId CancelOperation(const std::string& node, const std::string& operation,
                         bool pod_terminating, absl::Duration timeout, OperationDone done) override;
  void Drop(CallId call) override;

  // From now on every node that has an endpoint is connected to before there is a call for it, and
  // stays connected: most_idle of them, whoever uses them. A restart then waits for no handshake,
  // and who cannot be reached is known before. Again: changes nothing.
  void ConnectAhead();

  // Costs one look at each node.
  FleetStats Stats() const;

 private:
  struct Call {
    CallId id = 0;
    CallKind kind = CallKind::kRestart;
    std::string node;
    absl::Duration timeout;
    ScopedTimer limit;
    // Sends it; the flight's news come to OnOperation, and OnStreamEnd or OnAnswer.
    std::function<Remote::FlightPtr(const Remote::Stub&)> send;
    absl::AnyInvocable<void(absl::Status)> ended;
    Remote::FlightPtr flight;  // while it is under way
    uint64_t generation = 0;   // of the connection that it is under way on

    // Of restarts.
    std::function<void(const node::v1::Operation&)> progress;
    std::function<void(const absl::Status&)> waiting;
    ScopedTimer pause;
    std::unique_ptr<Backoff> repeats;
    absl::Status cut;   // why it lost its stream, where that is not the connection's reason
    absl::Status told;  // the last reason to wait
    absl::flat_hash_map<std::string, node::v1::Operation> seen;  // the last state of each
  };
  enum class Ahead : uint8_t { kNone, kInLine, kConnecting };
  struct Node {
    std::unique_ptr<Link> link;
    size_t calls = 0;  // that have not ended
    absl::flat_hash_set<CallId> under_way;
    bool up = false;  // is counted in up_
    ScopedTimer idle;
    std::optional<std::list<std::string>::iterator> idle_place;
    Ahead ahead = Ahead::kNone;
    ScopedTimer ahead_again;
  };

  void AskTurn(const std::string& node, bool again) override;
  void TurnIsSlow(const std::string& node) override;
  void GiveTurn(const std::string& node) override;
  void LinkChanged(const std::string& node) override;
  void LinkEnded(const std::string& node) override;

  Node& NodeOf(const std::string& name);
  Call* Find(CallId id);
  template <typename Request, typename Response>
  CallId Plain(CallKind kind, const std::string& node, Remote::Method<Request, Response> method,
               Request request, absl::Duration timeout,
               absl::AnyInvocable<void(absl::StatusOr<Response>)> done);
  CallId Add(std::unique_ptr<Call> call);

  void Schedule();
  void Touch(const std::string& node);
  void Pump();
  void Send(const Turns::Turn& turn);
  void Explain(CallId id);
  absl::Status WhyWaiting(const Call& call) const;
  // May run the caller's code, as the two below: `call` may be gone afterwards.
  void Tell(Call& call, const absl::Status& why);
  void End(CallId id, const absl::Status& status);
  void OnOperation(CallId id, node::v1::Operation operation);
  void OnStreamEnd(CallId id, const absl::Status& status);
  void Repeat(Call& call, const absl::Status& status);
  // One attempt has been answered: makes of `status` what the caller is told. False: he is gone.
  bool OnAnswer(CallId id, absl::Status& status);
  void OnLimit(CallId id);
  // It is no longer under way.
  void Land(Call& call);
  std::unique_ptr<Call> Take(CallId id);
  void Tidy(const std::string& name);
  void CountUp(Node& node, bool up);
  void SetIdle(const std::string& name, Node& node);
  void OnIdleAtLeast(const std::string& name);
  void ClearIdle(Node& node);
  void CloseIdle(std::string name);  // a copy: the name's place goes
  // Whether the node's connection is one that is to be made ahead.
  void NoteAhead(const std::string& name, Node& node);
  void LineUpAhead(const std::string& name, Node& node);
  void FeedAhead();

  Loop& loop_;
  const FleetOptions options_;
  FleetStats stats_;
  Link::Counters counters_;
  Turns turns_;
  ConnectLine connecting_;
  ChannelWatch watch_;
  Remote remote_;
  BlockingPool pool_;
  const Link::Shared shared_;
  CallId last_id_ = 0;
  absl::flat_hash_map<CallId, std::unique_ptr<Call>> calls_;
  absl::flat_hash_map<std::string, std::unique_ptr<Node>> nodes_;
  // What Pump has to look at: nodes; those whose connection is another; calls that wait anew.
  absl::flat_hash_set<std::string> touched_;
  absl::flat_hash_set<std::string> relinked_;
  std::vector<CallId> queued_;
  std::list<std::string> idle_;  // nodes with a connection that nobody uses, the longest first
  size_t up_ = 0;                // nodes that are connected
  bool ahead_ = false;
  std::deque<std::string> ahead_line_;  // names may be of nodes that are gone, or no longer wait
  size_t ahead_connecting_ = 0;
  TokenBucket ahead_pace_;
  ScopedTimer ahead_timer_;
  bool scheduled_ = false;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle::fleet

#endif  // REKINDLE_CONTROLLER_FLEET_FLEET_H_
