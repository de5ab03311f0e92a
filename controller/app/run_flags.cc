#include "controller/app/run_flags.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/status_macros.h"
#include "common/base/text.h"
#include "controller/app/controllers.h"
#include "controller/app/feature_gates.h"
#include "controller/runtime/selection.h"

namespace rekindle {
namespace {

constexpr double kMostQps = 100'000;
// A server of its own shares the machine with nobody: this ends a loop gone wild, and nothing else.
// A restart takes six requests.
constexpr double kOwnServerQps = 10'000;

// Connections give up what is not acknowledged for so long (CurlTransport::Options): what a leader
// sent at its last moment has arrived by then, or never will. See common/client/leader/elector.h.
constexpr absl::Duration kLeastMargin = absl::Seconds(5);

absl::Status Wrong(absl::string_view flag, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(flag, ": ", why));
}

}  // namespace

RunFlags::RunFlags(CLI::App& app, EmbeddedOptions& embedded) {
  AddEmbedded(app, embedded);
  AddCluster(app);
  AddShared(app);
  AddElection(app);
}

void RunFlags::AddEmbedded(CLI::App& app, EmbeddedOptions& embedded) {
  constexpr char kGroup[] = "With an API server of its own";
  app.add_flag("--embedded", embedded_,
               "serve the Kubernetes API from this process, objects in SQLite, and run the "
               "controllers on it")
      ->group(kGroup);
  of_embedded_.push_back(app.add_option("--data-dir", embedded.data_dir,
                                        "where objects, certificates and the admin's kubeconfig "
                                        "are kept")
                             ->capture_default_str()
                             ->group(kGroup));
  of_embedded_.push_back(
      app.add_option("--listen", listen_, "ADDRESS:PORT of the API (HTTPS); port 0: any free one")
          ->capture_default_str()
          ->group(kGroup));
  of_embedded_.push_back(
      app.add_option("--name", embedded.names,
                     "DNS name or address that clients use, may be repeated; goes into the "
                     "server's certificate, the first one into the admin's kubeconfig")
          ->group(kGroup));
  of_embedded_.push_back(app.add_option("--token-file", embedded.token_file,
                                        "bearer tokens, a line each: "
                                        "token,user,uid,\"group1,group2\"; chmod 600")
                             ->group(kGroup));
  of_embedded_.push_back(app.add_option("--keep-history", keep_history_,
                                        "how long lists in pages and watches can be resumed")
                             ->capture_default_str()
                             ->group(kGroup));
  of_embedded_.push_back(
      app.add_option("--local-daemon", run_.local_daemon,
                     "socket of the rekindled of this machine; empty: it has none")
          ->capture_default_str()
          ->group(kGroup));
  of_embedded_.push_back(
      app.add_option("--node-listen", nodes_listen_,
                     "ADDRESS:PORT where daemons of other machines register (gRPC, mutual TLS; "
                     "needs --tls-cert); default: nowhere")
          ->group(kGroup));
  of_embedded_.push_back(app.add_option("--keep-events", keep_events_, "how long Events are kept")
                             ->capture_default_str()
                             ->group(kGroup));
}

void RunFlags::AddCluster(CLI::App& app) {
  constexpr char kGroup[] = "On a Kubernetes cluster";
  of_cluster_.push_back(
      app.add_option("--kubeconfig", run_.kubeconfig,
                     "file that says where the API is; default: KUBECONFIG, the pod's service "
                     "account, ~/.kube/config")
          ->group(kGroup));
  of_cluster_.push_back(
      app.add_option("--context", run_.context, "context of the kubeconfig; default: its current")
          ->group(kGroup));
  of_cluster_.push_back(app.add_option("--webhook-listen", webhook_listen_,
                                       "ADDRESS:PORT of the webhooks (HTTPS); :PORT is every "
                                       "address; --controllers=*,-webhooks serves none")
                            ->capture_default_str()
                            ->group(kGroup));
  of_cluster_.push_back(
      app.add_option("--webhook-linger", webhook_linger_,
                     "with webhooks, how long everything goes on after SIGTERM: API servers hear a "
                     "moment later that this replica goes, and call it until then")
          ->capture_default_str()
          ->group(kGroup));
}

void RunFlags::AddElection(CLI::App& app) {
  constexpr char kGroup[] = "Leader election (not with --embedded)";
  of_cluster_.push_back(
      app.add_flag("--leader-elect,!--no-leader-elect", run_.leader_elect,
                   "of several processes one works, the others stand by; default: on")
          ->group(kGroup));
  const auto add = [&](const char* name, std::string& value, const char* help) {
    of_cluster_.push_back(app.add_option(name, value, help)->capture_default_str()->group(kGroup));
  };
  add("--leader-elect-lease-duration", lease_duration_,
      "how long a silent leader keeps the lease; whole seconds");
  add("--leader-elect-renew-deadline", renew_deadline_,
      "a leader that cannot renew for so long ends; at least 5s less than the lease's duration");
  add("--leader-elect-retry-period", retry_period_, "how often the lease is looked at");
  add("--leader-elect-resource-name", run_.lease_name, "name of the Lease");
  add("--leader-elect-resource-namespace", run_.lease_name_space,
      "its namespace; default: --namespace");
}

void RunFlags::AddShared(CLI::App& app) {
  app.add_option("--controllers", controllers_,
                 absl::StrCat("which run, separated by commas: NAME on, -NAME off, * all that are "
                              "not named, -* no other. There are: ",
                              DescribeControllers()))
      ->capture_default_str();
  app.add_option("--feature-gates", feature_gates_,
                 absl::StrCat("NAME=true or NAME=false, separated by commas. There are: ",
                              DescribeFeatureGates()))
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--namespace", run_.name_space,
                 "this program's own; default: that of the service account or the context, "
                 "rekindle-system with --embedded");
  qps_ = app.add_option("--kube-api-qps", run_.api_qps,
                        absl::StrCat("requests a second to the API, in the long run; default: ",
                                     run_.api_qps, ", with --embedded ", kOwnServerQps));
  burst_ = app.add_option("--kube-api-burst", run_.api_burst,
                          absl::StrCat("requests to the API at once; default: ", run_.api_burst,
                                       ", with --embedded ", kOwnServerQps));
  app.add_option("--tls-cert", run_.tls_cert,
                 "certificate (PEM) that the nodes' daemons are shown, O=rekindle:controller; read "
                 "again when it changes");
  app.add_option("--tls-key", run_.tls_key, "its key");
  app.add_option("--tls-ca", run_.tls_ca, "authority of the daemons' certificates");
  app.add_option("--node-connections", run_.node_connections,
                 "connections to daemons that are made before they are needed, and kept, so that "
                 "a restart waits for none; 0: they are made when they are needed")
      ->check(CLI::Range(0, 100'000))
      ->capture_default_str();
  app.add_option("--metrics-listen", metrics_listen_,
                 "ADDRESS:PORT of /healthz, /readyz and /metrics (HTTP); :PORT is every address; "
                 "\"off\": not served")
      ->capture_default_str();
  app.add_flag("--metrics-allow-remote", run_.metrics_allow_remote,
               "serve them on an address that is not loopback; whoever reaches it can read them");
}

absl::Status RunFlags::CheckMode() const {
  const auto given = [](const CLI::Option* option) { return option->count() > 0; };
  if (embedded_) {
    for (const CLI::Option* option : of_cluster_) {
      if (given(option)) {
        return Wrong(option->get_name(),
                     "is of no use with --embedded: the API server is this process, and its data "
                     "directory has one owner");
      }
    }
    return absl::OkStatus();
  }
  for (const CLI::Option* option : of_embedded_) {
    if (given(option)) return Wrong(option->get_name(), "needs --embedded");
  }
  return absl::OkStatus();
}

absl::Status RunFlags::ReadEmbedded(EmbeddedOptions& embedded) const {
  if (embedded.data_dir.empty()) return Wrong("--data-dir", "must not be empty");
  RK_ASSIGN_OR_RETURN(const ListenAddress listen, ParseListen("--listen", listen_));
  embedded.address = listen.host;
  embedded.port = listen.port;
  RK_ASSIGN_OR_RETURN(embedded.keep_history,
                      ParseDurationFlag("--keep-history", keep_history_, absl::Seconds(10)));
  RK_ASSIGN_OR_RETURN(embedded.keep_events,
                      ParseDurationFlag("--keep-events", keep_events_, absl::Seconds(1)));
  return absl::OkStatus();
}

absl::Status RunFlags::ReadElection(RunOptions& run) const {
  client::LeaseTimes& times = run.lease_times;
  RK_ASSIGN_OR_RETURN(times.lease, ParseDurationFlag("--leader-elect-lease-duration",
                                                     lease_duration_, absl::Seconds(1)));
  RK_ASSIGN_OR_RETURN(
      times.renew_deadline,
      ParseDurationFlag("--leader-elect-renew-deadline", renew_deadline_, absl::Milliseconds(100)));
  RK_ASSIGN_OR_RETURN(times.retry, ParseDurationFlag("--leader-elect-retry-period", retry_period_,
                                                     absl::Milliseconds(10)));
  // The lease itself has whole seconds: others would count a shorter time than this process.
  if (times.lease != absl::Trunc(times.lease, absl::Seconds(1))) {
    return Wrong("--leader-elect-lease-duration", "must be whole seconds");
  }
  if (times.lease - times.renew_deadline < kLeastMargin) {
    return Wrong(
        "--leader-elect-renew-deadline",
        absl::StrCat("must be at least ", DurationText(kLeastMargin),
                     " less than --leader-elect-lease-duration (", DurationText(times.lease), ")"));
  }
  if (times.renew_deadline <= times.retry * 1.2) {
    return Wrong("--leader-elect-retry-period",
                 absl::StrCat("1.2 times of it must be less than --leader-elect-renew-deadline (",
                              DurationText(times.renew_deadline), ")"));
  }
  RK_RETURN_IF_ERROR(CheckNameFlag("--leader-elect-resource-name", run.lease_name));
  if (run.lease_name_space.empty()) return absl::OkStatus();
  return CheckNameFlag("--leader-elect-resource-namespace", run.lease_name_space);
}

absl::Status RunFlags::ReadRates(RunOptions& run) const {
  if (embedded_ && qps_->count() == 0) run.api_qps = kOwnServerQps;
  if (embedded_ && burst_->count() == 0) run.api_burst = kOwnServerQps;
  // Written so that NaN fails, too.
  if (!(run.api_qps >= 0.1 && run.api_qps <= kMostQps)) {
    return Wrong("--kube-api-qps", "must be from 0.1 to 100000");
  }
  if (!(run.api_burst >= 1 && run.api_burst <= kMostQps)) {
    return Wrong("--kube-api-burst", "must be from 1 to 100000");
  }
  return absl::OkStatus();
}

absl::Status RunFlags::ReadTls(RunOptions& run) const {
  const struct {
    const char* flag;
    const std::string& value;
  } files[] = {{"--tls-cert", run.tls_cert}, {"--tls-key", run.tls_key}, {"--tls-ca", run.tls_ca}};
  std::vector<std::string> missing;
  for (const auto& file : files) {
    if (file.value.empty()) missing.emplace_back(file.flag);
  }
  if (missing.empty() || missing.size() == 3) return absl::OkStatus();
  return Wrong(missing.front(), "--tls-cert, --tls-key and --tls-ca go together");
}

// How daemons are reached, after ReadTls.
absl::Status RunFlags::ReadNodes(RunOptions& run) const {
  RK_ASSIGN_OR_RETURN(run.webhooks, ParseListen("--webhook-listen", webhook_listen_));
  RK_ASSIGN_OR_RETURN(run.webhook_linger,
                      ParseDurationFlag("--webhook-linger", webhook_linger_, absl::ZeroDuration()));
  const bool calls = std::find(run.controllers.begin(), run.controllers.end(), "recreate") !=
                     run.controllers.end();
  if (!run.embedded && calls && run.tls_cert.empty()) {
    return Wrong("--tls-cert",
                 "is needed for the controller \"recreate\": daemons are called over mutual TLS "
                 "(docs/security.md)");
  }
  constexpr absl::string_view kSocket = "unix:/";
  if (run.embedded && !run.local_daemon.empty() && !absl::StartsWith(run.local_daemon, kSocket)) {
    return Wrong("--local-daemon", absl::StrCat("\"", PrintableText(run.local_daemon),
                                                "\" must be unix:/PATH, or empty"));
  }
  if (nodes_listen_.empty()) return absl::OkStatus();
  RK_ASSIGN_OR_RETURN(run.nodes_listen, ParseListen("--node-listen", nodes_listen_));
  if (run.tls_cert.empty()) {
    return Wrong("--node-listen", "needs --tls-cert, --tls-key and --tls-ca");
  }
  return absl::OkStatus();
}

absl::Status RunFlags::ReadMetrics(RunOptions& run) const {
  run.serve_metrics = metrics_listen_ != "off";
  if (!run.serve_metrics) return absl::OkStatus();
  RK_ASSIGN_OR_RETURN(run.metrics, ParseListen("--metrics-listen", metrics_listen_));
  if (run.metrics_allow_remote || IsLoopbackAddress(run.metrics.host)) return absl::OkStatus();
  return Wrong("--metrics-listen",
               absl::StrCat("\"", PrintableText(metrics_listen_),
                            "\" is not a loopback address; give --metrics-allow-remote to serve it "
                            "all the same"));
}

absl::Status RunFlags::Read(RunOptions& run, EmbeddedOptions& embedded) const {
  RK_RETURN_IF_ERROR(CheckMode());
  run = run_;
  run.embedded = embedded_;
  if (embedded_) {
    run.leader_elect = false;
    RK_RETURN_IF_ERROR(ReadEmbedded(embedded));
  }
  absl::StatusOr<std::vector<std::string>> selected = SelectControllers(
      absl::StrSplit(controllers_, ',', absl::SkipEmpty()), AvailableControllers(embedded_));
  if (!selected.ok()) return Wrong("--controllers", selected.status().message());
  run.controllers = *std::move(selected);
  RK_RETURN_IF_ERROR(ParseFeatureGates("--feature-gates", feature_gates_, run.gates));
  embedded.gates = run.gates;
  if (!run.name_space.empty()) RK_RETURN_IF_ERROR(CheckNameFlag("--namespace", run.name_space));
  RK_RETURN_IF_ERROR(ReadElection(run));
  RK_RETURN_IF_ERROR(ReadRates(run));
  RK_RETURN_IF_ERROR(ReadTls(run));
  RK_RETURN_IF_ERROR(ReadMetrics(run));
  return ReadNodes(run);
}

}  // namespace rekindle
