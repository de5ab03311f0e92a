#ifndef REKINDLE_COMMON_NET_HTTPS_SERVER_H_
#define REKINDLE_COMMON_NET_HTTPS_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/net/https_types.h"

namespace rekindle::net {

// An HTTPS server: HTTP/1.1 over TLS 1.2 and later, with client certificates where they are sent.
// Every client has bounds in time and memory, and so have all of them together.
class HttpsServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";  // an IP address
    uint16_t port = 0;                  // 0: the system chooses

    // PEM: the server's certificate with its chain, its key, and who signs clients' certificates;
    // empty: no client is asked for one.
    std::string certificate;
    std::string key;
    std::string client_ca;

    std::string name = "https";  // of its threads, with "-io", "-worker" or "-stream" behind it
    size_t io_threads = 2;
    size_t workers = 16;         // requests that are worked on at once
    size_t queued = 512;         // that wait for a worker; more are told to come again (429)
    size_t stream_starters = 8;  // streams that begin at once
    size_t queued_streams = 1024;

    // Beyond this the oldest connection that has not asked anything yet gives way.
    size_t max_connections = 4096;
    size_t max_header_bytes = 32 * 1024;
    int64_t max_body_bytes = 3 * 1024 * 1024;
    int64_t max_bodies_bytes = 256 * 1024 * 1024;  // of all that are being read or worked on

    absl::Duration handshake_timeout = absl::Seconds(10);
    absl::Duration header_timeout = absl::Seconds(10);
    absl::Duration body_timeout = absl::Seconds(60);
    absl::Duration write_timeout = absl::Seconds(60);
    absl::Duration idle_timeout = absl::Minutes(3);  // between requests
    absl::Duration stop_grace = absl::Seconds(5);
  };

  // `handler` must outlive the server. Errors: kInvalidArgument (address, certificates),
  // kUnavailable (it cannot listen there).
  static absl::StatusOr<std::unique_ptr<HttpsServer>> Start(const Options& options,
                                                            HttpsHandler& handler);

  HttpsServer(const HttpsServer&) = delete;
  HttpsServer& operator=(const HttpsServer&) = delete;
  // Takes no more connections, ends streams, and lets requests that are worked on finish within
  // the grace. Not on a thread of the server's own.
  ~HttpsServer();

  uint16_t port() const;
  size_t connections() const;

  // PEM, with the chain: what connections that begin from now on are shown. Those that exist keep
  // theirs. Threads: any. Errors: kInvalidArgument; the former one stays then.
  absl::Status UseCertificate(const std::string& certificate, const std::string& key);

 private:
  class Impl;
  explicit HttpsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rekindle::net

#endif  // REKINDLE_COMMON_NET_HTTPS_SERVER_H_
