#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/call.h"
#include "cli/command.h"

namespace rekindle::cli {
namespace {

struct OpsOptions {
  std::string id;
  std::string pod;
  std::string request_id;
  bool active = false;
  uint32_t limit = 0;
};

absl::StatusOr<v1::ListOperationsResponse> List(const v1::ListOperationsRequest& request,
                                                const Session& session) {
  return Call<v1::ListOperationsResponse>(
      session.io, session.call_limit(), [&](auto* context, auto* queue) {
        return session.stub->PrepareAsyncListOperations(context, request, queue);
      });
}

absl::Status NoSuchOperation(const absl::Status& status, const std::string& id,
                             const Session& session) {
  std::vector<std::string> ids;
  const auto all = List({}, session);
  if (all.ok()) {
    for (const auto& operation : all->operations()) ids.push_back(operation.id());
  }
  return WithNearest(status, id, ids);
}

int ShowOne(const std::string& id, const Session& session) {
  v1::GetOperationRequest request;
  request.set_id(id);
  const auto operation =
      Call<v1::Operation>(session.io, session.call_limit(), [&](auto* context, auto* queue) {
        return session.stub->PrepareAsyncGetOperation(context, request, queue);
      });
  if (absl::IsNotFound(operation.status())) {
    return session.Fail(NoSuchOperation(operation.status(), id, session));
  }
  if (!operation.ok()) return session.Fail(operation.status());
  session.Print(*operation, [&] { return RenderOperation(*operation, session.style()); });
  return kExitOk;
}

int RunOps(const OpsOptions& options, const Session& session) {
  // "REQUEST/CONTAINER" is one operation, "REQUEST" all of one request.
  if (absl::StrContains(options.id, '/')) return ShowOne(options.id, session);
  v1::ListOperationsRequest request;
  request.set_request_id(options.id.empty() ? options.request_id : options.id);
  request.set_active_only(options.active);
  request.set_limit(options.limit);
  if (!options.pod.empty()) {
    const auto pod = ParsePod(options.pod);
    if (!pod.ok()) return session.Fail(pod.status());
    *request.mutable_pod() = *pod;
  }
  const auto operations = List(request, session);
  if (!operations.ok()) return session.Fail(operations.status());
  if (!options.id.empty() && operations->operations().empty()) {
    return session.Fail(NoSuchOperation(
        absl::NotFoundError(absl::StrCat("ID: no operation of request ", options.id)), options.id,
        session));
  }
  session.Print(*operations, [&] { return RenderOperations(*operations, session.style()); });
  return kExitOk;
}

}  // namespace

void AddOpsCommand(CLI::App& node, Chosen& chosen) {
  auto options = std::make_shared<OpsOptions>();
  CLI::App* command = AddCommand(node,
                                 {.name = "ops",
                                  .summary = "List operations, newest first, or show one in full.",
                                  .examples = "  rekindle node ops --active\n"
                                              "  rekindle node ops cli-0123456789abcdef/app\n"
                                              "  rekindle node ops --pod web -o json"},
                                 chosen);
  command->add_option("ID", options->id,
                      "An operation (REQUEST/CONTAINER), or a request for all of its operations.");
  command->add_option("--pod", options->pod, "Only operations of this pod.")->type_name("POD");
  command->add_option("--request-id", options->request_id, "Only operations of this request.")
      ->type_name("ID");
  command->add_flag("--active", options->active, "Only operations that have not ended.");
  command->add_option("--limit", options->limit, "At most so many, 1 to 5000. Default: 500.")
      ->check(CLI::Range(1, 5000))
      ->type_name("N");
  command->callback([options, &chosen] {
    chosen.run = [options](Session& session) { return RunOps(*options, session); };
  });
}

}  // namespace rekindle::cli
