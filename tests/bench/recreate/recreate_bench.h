#ifndef REKINDLE_TEST_BENCH_RECREATE_RECREATE_BENCH_H_
#define REKINDLE_TEST_BENCH_RECREATE_RECREATE_BENCH_H_

#include <string>

#include "absl/status/status.h"

#include "tests/bench/results.h"
#include "tests/measure/daemon.h"

namespace rekindle::bench {

struct RecreateBenchSettings {
  measure::Daemon::Programs programs;
  std::string controller;  // rekindle-controller
  // Of `kubernetes`: the images of the same programs, and deploy/kubernetes.
  std::string node_image;
  std::string controller_image;
  std::string manifests;
  int rounds = 50;
  int nodes = 5000;
  // Further ones of `scale`, separated by blanks. Its own server would not be held back either.
  std::string controller_flags = "--kube-api-qps 10000 --kube-api-burst 10000";
  std::string connections;  // of `scale`: "warm", "cold"; empty: both, one after the other
};

// One pod of one container on a real containerd, a real rekindled, and `rekindle-controller
// --embedded` that has it as its local daemon: from the moment a ContainerRecreateRequest is sent
// until a watch shows its end, again and again; beside it the container's own stop and start by the
// daemon's history, the share of each hop, and the status writes. Needs root.
absl::Status RecreateLatencyBench(const RecreateBenchSettings& settings, Results& results);

// The same on a private Kubernetes of one node (tests/kube), with everything installed as users do
// (tests/deploy): a pod of the kubelet, the request through kube-apiserver with admission by the
// deployed webhook, by the deployed controller and daemon; and what the API server counted. Needs
// root and Kubernetes's programs.
absl::Status RecreateKubernetesBench(const RecreateBenchSettings& settings, Results& results);

// One request for each of many pods on as many nodes, made by 16 clients: from the last creation
// until a watch has shown the end of all; with connections to all daemons made ahead (warm), and
// with none (cold: each request waits for a handshake), each on a cluster of its own. The daemons
// are simulated (tests/fakes/sim_daemons.h) behind gRPC with mutual TLS on loopback; the controller
// runs as a program, as on a cluster, against the embedded API server in a process of its own.
// Errors: also when a request did not succeed, or a container was not restarted exactly once.
absl::Status RecreateScaleBench(const RecreateBenchSettings& settings, Results& results);

}  // namespace rekindle::bench

#endif  // REKINDLE_TEST_BENCH_RECREATE_RECREATE_BENCH_H_
