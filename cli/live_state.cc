#include "cli/live_state.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/base/run_program.h"
#include "common/base/status_macros.h"
#include "common/json/tree.h"
#include "common/json/yaml.h"

namespace rekindle::cli {
namespace {

// 100,000 pods come in pages of 500, a second or so each ten.
constexpr absl::Duration kLimit = absl::Minutes(5);

// What kubectl says of a type that the server does not have: no CRD of it is installed.
constexpr absl::string_view kUnknownType = "the server doesn't have a resource type";

// "statefulsets.v1.apps": the type as kubectl takes it without doubt. Empty: there is none on a
// server.
std::string TypeOf(const Json& workload) {
  const absl::string_view kind = json::String(workload, "kind");
  const absl::string_view version = json::String(workload, "apiVersion");
  if (kind == "CloneSet") return "clonesets.apps.kruise.io";
  if (kind == "StatefulSet") {
    return absl::StartsWith(version, "apps.kruise.io/") ? "statefulsets.apps.kruise.io"
                                                        : "statefulsets.apps";
  }
  return "";
}

class Reader {
 public:
  Reader(const Kubectl& kubectl, std::string space, absl::Duration limit, Io& io)
      : kubectl_(kubectl), space_(std::move(space)), limit_(limit), io_(io) {}

  // The documents that `kubectl get WHAT...` gives. kFailedPrecondition: the server has no such
  // type.
  absl::Status Get(std::vector<std::string> what) {
    std::vector<std::string> argv = {kubectl_.program, "get"};
    argv.insert(argv.end(), what.begin(), what.end());
    argv.insert(argv.end(), {"-o", "json"});
    if (!space_.empty()) argv.insert(argv.end(), {"--namespace", space_});
    if (!kubectl_.kubeconfig.empty()) {
      argv.insert(argv.end(), {"--kubeconfig", kubectl_.kubeconfig});
    }
    if (!kubectl_.context.empty()) argv.insert(argv.end(), {"--context", kubectl_.context});
    absl::StatusOr<std::string> text = RunProgram(argv, limit_, io_.interrupted);
    if (absl::IsAborted(text.status())) {
      return absl::StrContains(text.status().message(), kUnknownType)
                 ? absl::FailedPreconditionError(text.status().message())
                 : absl::UnavailableError(text.status().message());
    }
    if (!text.ok()) return text.status();
    // Nothing at all is what --ignore-not-found says.
    RK_ASSIGN_OR_RETURN(std::vector<Json> documents, json::ReadYaml(*text));
    for (Json& document : documents) documents_.push_back(std::move(document));
    return absl::OkStatus();
  }

  std::vector<Json> Take() { return std::move(documents_); }

 private:
  const Kubectl& kubectl_;
  const std::string space_;
  const absl::Duration limit_;
  Io& io_;
  std::vector<Json> documents_;
};

}  // namespace

absl::StatusOr<std::vector<Json>> ReadLive(const Kubectl& kubectl, const Json& workload, Io& io) {
  Reader reader(kubectl, std::string(json::String(workload, {"metadata", "namespace"})), kLimit,
                io);
  const std::string type = TypeOf(workload);
  if (type.empty()) {
    absl::Status read = reader.Get({"pods,containerrecreaterequests.apps.kruise.io"});
    // Without the type there are no requests.
    if (absl::IsFailedPrecondition(read)) read = reader.Get({"pods"});
    RK_RETURN_IF_ERROR(read);
    RK_RETURN_IF_ERROR(reader.Get({"nodes"}));
    return reader.Take();
  }
  const std::string name(json::String(workload, {"metadata", "name"}));
  if (name.empty()) return absl::InvalidArgumentError("metadata.name: missing");
  const absl::Status object = reader.Get({type, name, "--ignore-not-found"});
  if (absl::IsFailedPrecondition(object)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the cluster does not know ", type,
                     ": the definition (CRD) is not installed there; without --against live the "
                     "plan is that of a new object"));
  }
  RK_RETURN_IF_ERROR(object);
  RK_RETURN_IF_ERROR(reader.Get({"pods,controllerrevisions.apps,persistentvolumeclaims"}));
  return reader.Take();
}

absl::StatusOr<Json> ReadPod(const Kubectl& kubectl, const std::string& ns, const std::string& name,
                             absl::Duration limit, Io& io) {
  Reader reader(kubectl, ns, limit, io);
  RK_RETURN_IF_ERROR(reader.Get({"pods", name, "--ignore-not-found"}));
  std::vector<Json> documents = reader.Take();
  if (documents.empty()) {
    return absl::NotFoundError(absl::StrCat("the cluster has no pod ", ns, "/", name));
  }
  return std::move(documents.front());
}

}  // namespace rekindle::cli
