#ifndef REKINDLE_CONTROLLER_ADMISSION_FRONT_H_
#define REKINDLE_CONTROLLER_ADMISSION_FRONT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/api/kinds/admission.h"
#include "common/base/loop.h"
#include "common/net/https_types.h"
#include "controller/admission/lookup.h"
#include "controller/admission/review.h"

namespace rekindle::admission {

// A review that was answered, as logs and metrics see it.
struct ReviewReport {
  absl::string_view webhook;  // its name, or "convert"
  Outcome outcome = Outcome::kMalformed;
  absl::Duration took;
  const std::string& why;  // of a refusal
  const std::vector<std::string>& warnings;
};

// From an HTTP request to its answer: POST of the paths of Webhooks() and of /convert, and
// /healthz. Knows no sockets. Threads: thread-safe; Handle blocks while other objects are read.
class ReviewFront final : public net::HttpsHandler {
 public:
  struct Options {
    api::AdmissionGates gates;
    // One object of 3 MiB, once new and once old, and what is around them (spec kubernetes-api
    // 14.2).
    int64_t max_admission_bytes = 8 * 1024 * 1024;
    // Of a whole list at once.
    int64_t max_conversion_bytes = 32 * 1024 * 1024;
    // Callers must show a certificate that the server's client authority has signed (401).
    bool need_certificate = false;
    std::function<void(const ReviewReport&)> observer;  // thread-safe; may be null
  };

  // Both outlive it.
  ReviewFront(Loop& loop, ObjectLookup& lookup, Options options);

  Outcome Handle(const net::HttpsRequest& request) override;
  std::optional<net::HttpsReply> Immediate(const net::HttpsRequest& request) const override;
  std::optional<net::HttpsReply> Refusal(const net::HttpsRequest& request) const override;
  net::HttpsReply Problem(int status, absl::string_view text) const override;

 private:
  int64_t LimitOf(absl::string_view path) const;

  Loop& loop_;
  ObjectLookup& lookup_;
  const Options options_;
};

}  // namespace rekindle::admission

#endif  // REKINDLE_CONTROLLER_ADMISSION_FRONT_H_
