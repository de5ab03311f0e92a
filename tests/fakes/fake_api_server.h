#ifndef REKINDLE_TEST_FAKES_FAKE_API_SERVER_H_
#define REKINDLE_TEST_FAKES_FAKE_API_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/asio_loop.h"
#include "tests/fakes/fake_api.h"

namespace rekindle {

// A FakeApi behind a real socket: HTTP/1.1 on loopback, with TLS when certificates are given.
// Threads: any; the server has a loop of its own.
class FakeApiServer {
 public:
  struct Tls {
    std::string certificate;  // PEM
    std::string key;
    std::string client_ca;  // empty: clients show no certificate
  };

  explicit FakeApiServer(FakeApi& api) : FakeApiServer(api, Tls()) {}
  FakeApiServer(FakeApi& api, const Tls& tls);
  ~FakeApiServer();

  uint16_t port() const;
  std::string url() const;  // "https://127.0.0.1:<port>"
  // How many connections have been made so far.
  int connections() const;
  // Cuts all connections that are open.
  void CutAll();
  // Reads and answers nothing any more, with everything left open; or goes on.
  void Freeze(bool frozen);

 private:
  class Listener;
  class Session;

  std::shared_ptr<Listener> listener_;
  AsioLoop loop_{"fake-api"};
  bool tls_ = false;
};

}  // namespace rekindle

#endif  // REKINDLE_TEST_FAKES_FAKE_API_SERVER_H_
