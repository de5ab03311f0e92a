#ifndef REKINDLE_CLI_API_SESSION_H_
#define REKINDLE_CLI_API_SESSION_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/io.h"
#include "cli/output.h"
#include "cli/render.h"

#include "common/base/asio_loop.h"
#include "common/base/blocking.h"
#include "common/base/sync.h"
#include "common/client/access.h"
#include "common/client/api_client.h"
#include "common/client/config/client_config.h"
#include "common/client/reflector.h"
#include "common/json/json_fwd.h"

namespace rekindle::cli {

using ObjectPtr = std::shared_ptr<const Json>;

// What the admin of a machine uses with the embedded API server (docs/embedded.md).
inline constexpr char kAdminKubeconfig[] = "/var/lib/rekindle-controller/admin.kubeconfig";

// Options of every command on the API, as given.
struct ApiOptions {
  std::string kubeconfig;
  std::string context;
  std::string name_space;
  std::string output = "table";
  std::string timeout;
};

// Which API server: what LoadClientConfig finds, else `admin_kubeconfig` when nothing else is set.
// Errors: kInvalidArgument (a file, context or field that is wrong), kUnavailable (nothing is set;
// says what to do), kPermissionDenied naming the file. Threads: any. Reads small local files.
absl::StatusOr<client::ClientConfig> FindApi(const ApiOptions& options, const Io& io,
                                             const std::string& admin_kubeconfig);

// One API server, spoken to call by call: each waits for its answer, and ends early when the user
// interrupts (kCancelled). What was asked goes through a loop of its own.
// Threads: the caller's, one at a time.
class ApiSession {
 public:
  // Nothing is sent yet. Errors: those of FindApi and client::ApiAccess::Open, kInvalidArgument for
  // --timeout.
  static absl::StatusOr<std::unique_ptr<ApiSession>> Open(const ApiOptions& options, Io& io);
  ~ApiSession();
  ApiSession(const ApiSession&) = delete;
  ApiSession& operator=(const ApiSession&) = delete;

  // Errors of the calls: the server's (api::FromStatus has them), those of ApiClient, kCancelled.
  absl::StatusOr<Json> Get(const client::ObjectRef& ref);
  // Warnings of the server go to the standard error.
  absl::StatusOr<Json> Create(const client::ObjectRef& ref, const Json& object, bool dry_run);
  // All objects of the collection, without managed fields, in the order of their names.
  absl::StatusOr<std::vector<ObjectPtr>> List(const client::Collection& collection);

  // Runs `work` on the loop's thread and waits for it.
  void RunOnLoop(const std::function<void()>& work);
  client::ApiClient& client() { return *client_; }

  Io& io() const { return io_; }
  const client::ClientConfig& config() const { return config_; }
  const std::string& name_space() const { return name_space_; }
  Format format() const { return format_; }
  bool for_people() const { return format_ == Format::kTable || format_ == Format::kWide; }
  std::optional<absl::Duration> timeout() const { return timeout_; }
  absl::Duration call_limit() const;
  Style style() const;

  // Prints an object in the format for programs.
  void Print(const Json& object) const;
  // Prints "error: ..." and returns the exit code. `status` is explained already (api_errors.h), or
  // of this program.
  int Fail(const absl::Status& status) const;

 private:
  ApiSession(Io& io, client::ClientConfig config);
  template <typename T>
  absl::StatusOr<T> Await(
      std::function<void(absl::AnyInvocable<void(absl::StatusOr<T>)>)> start) const;
  void PrintWarnings();

  Io& io_;
  const client::ClientConfig config_;
  std::string name_space_;
  Format format_ = Format::kTable;
  std::optional<absl::Duration> timeout_;
  mutable AsioLoop loop_{"rekindle-api"};
  std::unique_ptr<BlockingPool> blocking_;
  std::unique_ptr<client::ApiAccess> access_;
  std::unique_ptr<client::ApiClient> client_;
  Mutex mutex_;
  std::vector<std::string> warnings_ ABSL_GUARDED_BY(mutex_);
};

// Whether what is printed for people may have colours.
bool WantsColors(const Io& io);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_API_SESSION_H_
