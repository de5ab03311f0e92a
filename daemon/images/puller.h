#ifndef REKINDLE_DAEMON_IMAGES_PULLER_H_
#define REKINDLE_DAEMON_IMAGES_PULLER_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace rekindle::images {

// Credentials of one pull; kept nowhere and never logged.
struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;
  std::string server_address;  // empty: the image's registry
};

struct Progress {
  int64_t done_bytes = 0;
  int64_t total_bytes = 0;  // 0: unknown
  absl::Duration elapsed;
};

struct Result {
  std::string image_id;
  absl::Duration elapsed;
};

// Pulls images through the runtime, with progress where the runtime tells it.
// Threads: the loop's thread; callbacks arrive there, never inline.
class Puller {
 public:
  using PullId = uint64_t;

  virtual ~Puller() = default;

  // Pulls `image` (a reference with tag or digest); `done` is called exactly once.
  // Errors: kInvalidArgument (image empty, credentials of two kinds), kNotFound (no such tag),
  // kUnavailable (no runtime), kCancelled (by Cancel), else as the runtime gave it.
  virtual PullId Pull(const std::string& image, Credentials credentials,
                      std::function<void(const Progress&)> progress,
                      absl::AnyInvocable<void(absl::StatusOr<Result>)> done) = 0;

  // Gives up a pull: the runtime drops what it has (spec/node-runtime 1.18). Unknown: ignored.
  virtual void Cancel(PullId pull) = 0;
};

}  // namespace rekindle::images

#endif  // REKINDLE_DAEMON_IMAGES_PULLER_H_
