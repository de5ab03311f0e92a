#ifndef REKINDLE_TEST_DEMO_REQUESTS_H_
#define REKINDLE_TEST_DEMO_REQUESTS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "tests/bare_metal/api.h"

namespace rekindle::demo {

inline constexpr char kNamespace[] = "default";

// One restart of one container, as a user asks for it.
struct Wish {
  std::string name;  // of the request
  std::string pod;
  std::string container;
  std::string method;  // empty: the daemon chooses
};

// Asks for restarts as a user does, with ContainerRecreateRequests, and shows what comes of them.
// Threads: owned by one.
class Requests {
 public:
  struct Options {
    conformance::Endpoint endpoint;  // as a user who may do so
    std::string kubectl;             // path; empty: there is none, the REST API is called directly
    std::string kubeconfig;
    std::string dir;                          // for requests as files, and kubectl's cache
    absl::Duration limit = absl::Minutes(1);  // for one request
  };

  explicit Requests(Options options);

  // Prints the request and the command that applies it, then each step as a watch shows it; returns
  // at its end. Errors: kDataLoss when its container was not restarted well, kDeadlineExceeded;
  // those of kubectl or the API.
  absl::Status Apply(const Wish& wish);
  // The same without a word, through the REST API: how long it took from sending to its end, in
  // milliseconds. Errors: as above.
  absl::StatusOr<double> Send(const Wish& wish);
  // Prints what the events of a request that has ended say; waits for the one that tells of the
  // restart. kDeadlineExceeded.
  absl::Status ShowEvents(const std::string& name);
  // Prints the command; its output, or what it says of its failure. Only where there is a kubectl.
  std::string Kubectl(const std::vector<std::string>& arguments) const;
  bool has_kubectl() const { return !options_.kubectl.empty(); }
  bare_metal::Api& api() { return api_; }

 private:
  std::vector<std::string> KubectlWords() const;
  absl::Status Follow(const std::string& name, bool print);

  const Options options_;
  bare_metal::Api api_;
  bare_metal::ObjectWatch watch_;
};

}  // namespace rekindle::demo

#endif  // REKINDLE_TEST_DEMO_REQUESTS_H_
