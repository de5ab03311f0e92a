#ifndef REKINDLE_TEST_FAKES_SIM_DAEMONS_H_
#define REKINDLE_TEST_FAKES_SIM_DAEMONS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>

#include "common/base/asio_loop.h"
#include "common/base/sync.h"
#include "rekindle/node/v1/node.grpc.pb.h"

namespace rekindle {

// The daemons of many nodes in one process: real gRPC servers, each on a number of loopback ports
// or sockets, one a node. The runtime is a timer: each restart is accepted at once and done a while
// later. Requests are idempotent, as a daemon's are: calling again attaches. Their journals and
// runtimes outlive a daemon that is stopped: what it has accepted goes on. No threads per call.
// Threads: thread-safe.
class SimDaemons {
 public:
  struct Options {
    int nodes = 1;
    int nodes_per_server = 500;
    absl::Duration shortest = absl::Milliseconds(100);  // of a restart, by its ID at random
    absl::Duration longest = absl::Milliseconds(200);
    std::string directory;  // of sockets; empty: ports, with `credentials`
    // "HOST:PORT" of each node; empty: free ports of 127.0.0.1.
    std::vector<std::string> addresses;
    // What the nodes' clocks are ahead of this process's.
    absl::Duration clock_ahead;
    std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  };

  // Errors end the program: they are bugs here, or too few descriptors.
  explicit SimDaemons(const Options& options);
  ~SimDaemons();

  // Where each node is, in order: "127.0.0.1:4711" or "unix:DIRECTORY/7".
  const std::vector<std::string>& targets() const { return targets_; }
  // Of each node, in order.
  const std::vector<int>& ports() const { return ports_; }

  // A running container of a pod (`pod.uid` is required) on one of the nodes. Once there is one,
  // restarts are judged as by a daemon: the pod must be known (NOT_FOUND), the container the
  // expected one (FAILED_PRECONDITION), and each restart gives it another ID and attempt. ListPods
  // shows it.
  void AddContainer(const node::v1::PodRef& pod, const std::string& name, const std::string& id);
  struct Container {
    std::string id;
    int starts = 0;  // since it was added
  };
  // By the UID of the pod.
  std::map<std::string, Container> containers() const;

  // Ends a server with its connections, and starts it again at the same addresses; server
  // `i / nodes_per_server` has node `i`. By one thread at a time.
  void StopServer(size_t server);
  void StartServer(size_t server);
  // How often each request was begun: 1 for all, or somebody restarted a container twice.
  std::map<std::string, int> begun() const;
  uint64_t streams() const;  // of RestartContainers

 private:
  class Service;

  std::string TargetOf(size_t node) const;

  const Options options_;
  AsioLoop loop_{"sim-daemons"};
  std::unique_ptr<Service> service_;
  std::vector<std::unique_ptr<grpc::Server>> servers_;
  std::vector<int> ports_;
  std::vector<std::string> targets_;
};

}  // namespace rekindle

#endif  // REKINDLE_TEST_FAKES_SIM_DAEMONS_H_
