#include "controller/app/node_access.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "controller/nodes/grpc_feed.h"

namespace rekindle {

absl::StatusOr<std::shared_ptr<net::TlsFiles>> NodeAccess::OpenTls(const RunOptions& run) {
  if (run.tls_cert.empty()) return std::shared_ptr<net::TlsFiles>();
  absl::StatusOr<std::shared_ptr<net::TlsFiles>> files =
      net::TlsFiles::Open({.certificate = run.tls_cert, .key = run.tls_key, .ca = run.tls_ca});
  if (files.ok()) return files;
  return absl::Status(files.status().code(),
                      absl::StrCat("--tls-cert, --tls-key, --tls-ca: ", files.status().message()));
}

namespace {

fleet::FleetOptions Options(const RunOptions& run) {
  fleet::FleetOptions out;
  if (run.node_connections > 0) out.most_idle = run.node_connections;
  return out;
}

}  // namespace

NodeAccess::NodeAccess(Loop& loop, const RunOptions& run, std::shared_ptr<net::TlsFiles> tls)
    : loop_(loop),
      ahead_(run.node_connections > 0),
      tls_(std::move(tls)),
      fleet_(loop, Options(run), tls_) {}

void NodeAccess::Lead() {
  if (ahead_) fleet_.ConnectAhead();
}

void NodeAccess::SetEndpoint(const nodes::NodeEndpoint& endpoint) {
  const absl::Status set = fleet_.SetEndpoint(
      endpoint.node, {.target = endpoint.target, .server_name = endpoint.server_name});
  if (!set.ok()) LOG(WARNING) << "node " << endpoint.node << ": " << set.message();
}

void NodeAccess::FollowDaemonPods(const ControllerContext& context) {
  fleet::DaemonPods::Options options;
  options.name_space = context.name_space;
  daemon_pods_ =
      std::make_unique<fleet::DaemonPods>(context.client, options, fleet_, context.random);
  daemon_pods_->Start();
}

nodes::OpenFeed NodeAccess::Feeds() { return nodes::GrpcFeeds(loop_, feeds_, tls_); }

void NodeAccess::Register(const nodes::NodeEndpoint& endpoint) {
  if (registered_) registered_(endpoint);
}

std::vector<CacheState> NodeAccess::caches() const {
  if (daemon_pods_ == nullptr) return {};
  return {StateOfCache("daemons", daemon_pods_->pods())};
}

void NodeAccess::AddTo(ControllerMetrics& metrics) {
  using Stats = fleet::FleetStats;
  const auto add = [&](const char* name, const char* help, bool total, auto Stats::*member) {
    metrics.AddSource(absl::StrCat("rekindle_nodes_", name), help, total, {},
                      [this, member] { return static_cast<double>(fleet_.Stats().*member); });
  };
  add("known", "Nodes whose daemon can be called.", false, &Stats::nodes);
  add("unreachable", "Nodes whose daemon does not answer and is tried again.", false,
      &Stats::unreachable);
  add("connections", "Connections to daemons.", false, &Stats::connections);
  add("connects_total", "Connections made.", true, &Stats::connected);
  add("connect_failures_total", "Attempts to connect that failed.", true, &Stats::connect_failures);
  add("connections_broken_total", "Connections that broke while they were used.", true,
      &Stats::connections_broken);
  add("calls_under_way", "Calls that a daemon works on.", false, &Stats::under_way);
  add("calls_waiting", "Calls that wait for their node or their turn.", false, &Stats::waiting);
  add("calls_repeated_total", "Restarts that were sent again on a new stream.", true,
      &Stats::repeated);
  for (size_t kind = 0; kind < fleet::kCallKinds; ++kind) {
    for (const bool good : {true, false}) {
      metrics.AddSource(
          "rekindle_nodes_calls_total", "Calls of daemons that have ended.", true,
          {{"call", std::string(fleet::kCallKindNames[kind])}, {"outcome", good ? "ok" : "error"}},
          [this, kind, good] {
            const fleet::FleetStats stats = fleet_.Stats();
            uint64_t count = 0;
            for (const auto& [code, ended] : stats.calls[kind].ended) {
              if ((code == absl::StatusCode::kOk) == good) count += ended;
            }
            return static_cast<double>(count);
          });
    }
  }
}

}  // namespace rekindle
