#ifndef REKINDLE_TEST_BED_REGISTRY_H_
#define REKINDLE_TEST_BED_REGISTRY_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "tests/bed/bed.h"
#include "tests/bed/http.h"
#include "tests/bed/process.h"

namespace rekindle::bed {

struct RegistryOptions {
  // Both set: the registry asks for them (basic authentication by htpasswd). Both empty: it does
  // not.
  std::string user;
  std::string password;
};

// A real docker-registry on a free loopback port, with its store in the bed's directory. containerd
// speaks plain HTTP to loopback by itself. Ends with the object. Threads: owned by one.
class LocalRegistry {
 public:
  // kNotFound without docker-registry (or htpasswd); kDeadlineExceeded if it does not answer.
  static absl::StatusOr<std::unique_ptr<LocalRegistry>> Start(Bed* bed,
                                                              const RegistryOptions& options = {});

  int port() const { return port_; }
  std::string address() const;  // "127.0.0.1:PORT"
  // "server:1" -> "127.0.0.1:PORT/server:1"
  std::string Reference(const std::string& name) const;

  // Puts an image of the bed into the registry. It stays in the bed as well, so that pulling it
  // transfers nothing. Replies with its reference.
  absl::StatusOr<std::string> Push(const std::string& bed_image, const std::string& name);

  // The same with one more layer of `bytes` random bytes in /extra: an image the bed does not have,
  // another one on each call, whose pull takes as long as those bytes.
  absl::StatusOr<std::string> PushNew(const std::string& bed_image, const std::string& name,
                                      size_t bytes = 1000);

  // One request to the registry's own API, with the credentials.
  absl::StatusOr<HttpReply> Call(HttpRequest request) const;

 private:
  LocalRegistry(Bed* bed, RegistryOptions options) : bed_(bed), options_(std::move(options)) {}
  absl::Status Launch(const std::string& dir);
  absl::StatusOr<std::string> PutBlob(const std::string& repository, const std::string& content);

  Bed* const bed_;
  const RegistryOptions options_;
  int port_ = 0;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace rekindle::bed

#endif  // REKINDLE_TEST_BED_REGISTRY_H_
