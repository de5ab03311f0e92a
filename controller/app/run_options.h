#ifndef REKINDLE_CONTROLLER_APP_RUN_OPTIONS_H_
#define REKINDLE_CONTROLLER_APP_RUN_OPTIONS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "common/api/kinds/admission.h"
#include "common/client/leader/lease.h"
#include "controller/app/flag_values.h"

namespace rekindle {

// How controllers run, in both deployments.
struct RunOptions {
  bool embedded = false;  // with an API server of its own in this process
  // Where the API is, when it is not embedded; empty: see client::ConfigSources.
  std::string kubeconfig;
  std::string context;
  // Of this process itself; empty: what the service account or the context says.
  std::string name_space;
  std::vector<std::string> controllers;  // names of ControllerTable()
  api::AdmissionGates gates;             // of the webhooks
  bool leader_elect = true;              // off when embedded: the data directory has one owner
  client::LeaseTimes lease_times;
  std::string lease_name = "rekindle-controller";
  std::string lease_name_space;  // empty: `name_space`
  // The real bound is the number of requests at a time (client::ApiClient), beside what the server
  // itself says.
  double api_qps = 500;
  double api_burst = 1000;
  // What this process shows the daemons, and whom it believes. All or none.
  std::string tls_cert;
  std::string tls_key;
  std::string tls_ca;
  // Connections to daemons that are made ahead and kept; 0: they are made when they are needed.
  size_t node_connections = 5000;
  // With an API server of its own: the daemon of this machine, empty: none; and where nodes
  // register, none: nowhere.
  std::string local_daemon = "unix:/run/rekindle/rekindled.sock";
  std::optional<ListenAddress> nodes_listen;
  // On a cluster: where the webhooks are served.
  ListenAddress webhooks{.host = "", .port = 9443};
  // How long everything goes on after the order to stop, while API servers may still call this
  // replica: they hear a moment later that it goes.
  absl::Duration webhook_linger = absl::Seconds(5);
  // Health and metrics; none: not served.
  bool serve_metrics = true;
  ListenAddress metrics{.host = "127.0.0.1", .port = 10232};
  bool metrics_allow_remote = false;
};

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_APP_RUN_OPTIONS_H_
