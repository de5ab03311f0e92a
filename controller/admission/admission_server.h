#ifndef REKINDLE_CONTROLLER_ADMISSION_ADMISSION_SERVER_H_
#define REKINDLE_CONTROLLER_ADMISSION_ADMISSION_SERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/api/kinds/admission.h"
#include "common/base/loop.h"
#include "common/base/sync.h"
#include "common/client/api_client.h"
#include "common/client/pause.h"
#include "common/net/https_server.h"
#include "controller/admission/certificate_keeper.h"
#include "controller/admission/front.h"
#include "controller/admission/lookup.h"

namespace rekindle::admission {

// Everything that a cluster's kube-apiserver needs to call our rules: the HTTPS server of the
// webhooks with certificates that it makes and renews itself. On every replica, whether it leads or
// not; not in embedded mode, where the API server has the rules in its own process.
//
// It begins to listen once it has a certificate, which needs the API.
//
// Threads: constructor, Start, Stop and destructor are the loop's; the rest any.
class AdmissionServer {
 public:
  struct Options {
    Registration registration;  // its name_space is needed
    // 0: the system chooses, anew after each Start. Timeouts and limits are those of HttpsServer.
    std::string address = "0.0.0.0";  // an IP address
    uint16_t port = 9443;
    // PEM. Who signs the certificates that callers must show; empty: everybody who reaches the port
    // is answered, as API servers show none unless they are told to (docs/security.md).
    std::string client_ca;
    api::AdmissionGates gates;
    ObjectLookup::Cached cached;  // may be null
    CertPolicy policy;
    absl::Duration look_again = absl::Seconds(30);
    // Each review and what came of it; called on threads of its own. May be null.
    std::function<void(const ReviewReport&)> observer;
  };

  // `client` has no write gate. Both outlive the server.
  AdmissionServer(Loop& loop, client::ApiClient& client, Options options, client::Random random);
  ~AdmissionServer();
  AdmissionServer(const AdmissionServer&) = delete;
  AdmissionServer& operator=(const AdmissionServer&) = delete;

  void Start();
  // Takes no more reviews, answers those that it has, 5 s at most; blocks as long. Once.
  void Stop();

  // 0 while it does not listen.
  uint16_t port() const;
  // For /readyz: OK once it listens with a certificate; else what is missing (kUnavailable). What
  // this replica cannot do anything about, a configuration that was taken away, is no part of it:
  // see certificates().
  absl::Status health() const;
  // Whether Secret, configurations and CustomResourceDefinitions are as they have to be: see
  // CertificateKeeper::status. Logged whenever it changes.
  absl::Status certificates() const;

 private:
  void Serve(const apiserver::KeyPair& pair);
  void Listen();
  void Observe(const ReviewReport& report) const;

  Loop& loop_;
  const Options options_;
  ObjectLookup lookup_;
  ReviewFront front_;
  CertificateKeeper keeper_;
  ScopedTimer listen_again_;
  apiserver::KeyPair pair_;
  std::unique_ptr<net::HttpsServer> server_;  // the loop's

  mutable Mutex mutex_;
  uint16_t port_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status listening_ ABSL_GUARDED_BY(mutex_);
  absl::Status certificates_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rekindle::admission

#endif  // REKINDLE_CONTROLLER_ADMISSION_ADMISSION_SERVER_H_
