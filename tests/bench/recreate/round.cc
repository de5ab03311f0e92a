#include "tests/bench/recreate/round.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <grpcpp/grpcpp.h>
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "tests/bed/process.h"

namespace rekindle::bench {
namespace {

namespace pb = ::rekindle::node::v1;
using nlohmann::json;

absl::StatusOr<pb::Operation> OperationOf(const RoundTools& tools, const std::string& uid) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       absl::ToChronoMilliseconds(tools.patience));
  pb::GetOperationRequest request;
  request.set_id(absl::StrCat(uid, "/", kContainer));
  pb::Operation operation;
  const grpc::Status status = tools.daemon.GetOperation(&context, request, &operation);
  if (status.ok()) return operation;
  return absl::UnavailableError(absl::StrCat("GetOperation: ", status.error_message()));
}

}  // namespace

absl::StatusOr<Round> RunRound(const RoundTools& tools, const std::string& pod, int number,
                               bool as_kubectl) {
  const std::string name = absl::StrCat("restart-", number);
  const json request = {
      {"apiVersion", "apps.kruise.io/v1beta1"},
      {"kind", "ContainerRecreateRequest"},
      {"metadata", {{"name", name}}},
      {"spec", {{"podName", pod}, {"containers", json::array({{{"name", kContainer}}})}}}};
  const std::string path = absl::StrCat("/apis/apps.kruise.io/v1beta1/namespaces/", kNamespace,
                                        "/containerrecreaterequests");
  const std::string body = request.dump();
  const absl::Time sent = absl::Now();
  if (as_kubectl) {
    RK_RETURN_IF_ERROR(tools.http.Call({.path = absl::StrCat(path, "/", name)}).status());
  }
  RK_ASSIGN_OR_RETURN(const conformance::Answer answer,
                      tools.http.Call({.method = "POST",
                                       .path = path,
                                       .headers = {{"Content-Type", "application/json"}},
                                       .body = body}));
  const absl::Time answered = absl::Now();
  if (answer.status != 201) return absl::InternalError(absl::StrCat("create: ", answer.body));
  if (!bed::WaitUntil([&] { return tools.watch.completed() > number; }, tools.patience)) {
    return absl::DeadlineExceededError(absl::StrCat(name, " did not end"));
  }
  const SeenRequest seen = tools.watch.seen().at(name);
  if (seen.container != "Succeeded") {
    return absl::InternalError(
        absl::StrCat(name, ": ", seen.container, " ", seen.container_message, " ", seen.message));
  }
  RK_ASSIGN_OR_RETURN(const pb::Operation operation, OperationOf(tools, seen.uid));
  return Round{.hops = HopsOf(sent, answered, seen, operation),
               .new_container = operation.new_container_id()};
}

}  // namespace rekindle::bench
