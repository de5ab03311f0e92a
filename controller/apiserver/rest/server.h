#ifndef REKINDLE_CONTROLLER_APISERVER_REST_SERVER_H_
#define REKINDLE_CONTROLLER_APISERVER_REST_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "common/net/https_server.h"
#include "controller/apiserver/rest/api_handler.h"
#include "controller/apiserver/rest/watch_stream.h"

namespace rekindle::apiserver {

// The HTTPS front of the API: a handler's answers and a registry's watches over an HttpsServer,
// whose bounds these are.
class RestServer {
 public:
  struct Options {
    // Its `name` and what it knows of streams (here: watches) included.
    net::HttpsServer::Options http = {.name = "api"};
    size_t gzip_from_bytes = 128 * 1024;
    WatchStream::Limits watch;
  };

  // `handler`, `registry` and `surface` must outlive the server. Errors: kInvalidArgument (address,
  // certificates), kUnavailable (it cannot listen there).
  static absl::StatusOr<std::unique_ptr<RestServer>> Start(const Options& options,
                                                           ApiHandler& handler, Registry& registry,
                                                           const Surface& surface);

  RestServer(const RestServer&) = delete;
  RestServer& operator=(const RestServer&) = delete;
  // Takes no more connections, ends watches, and lets requests that are worked on finish within
  // the grace.
  ~RestServer();

  uint16_t port() const;
  size_t connections() const;

  // PEM, with the chain: what connections that begin from now on are shown. Those that exist keep
  // theirs. Threads: any. Errors: kInvalidArgument; the former one stays then.
  absl::Status UseCertificate(const std::string& certificate, const std::string& key);

 private:
  class Impl;
  explicit RestServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REST_SERVER_H_
