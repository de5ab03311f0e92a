#include <memory>

#include "cli/call.h"
#include "cli/command.h"

namespace rekindle::cli {
namespace {

int RunCancel(const std::string& id, const Session& session) {
  v1::CancelOperationRequest request;
  request.set_id(id);
  const auto operation =
      Call<v1::Operation>(session.io, session.call_limit(), [&](auto* context, auto* queue) {
        return session.stub->PrepareAsyncCancelOperation(context, request, queue);
      });
  if (!operation.ok()) return session.Fail(operation.status());
  session.Print(*operation, [&] { return RenderChange(*operation, session.style()); });
  return kExitOk;
}

}  // namespace

void AddCancelCommand(CLI::App& node, Chosen& chosen) {
  auto id = std::make_shared<std::string>();
  CLI::App* command =
      AddCommand(node,
                 {.name = "cancel",
                  .summary = "Cancel an operation that has not begun to stop its container.",
                  .examples = "  rekindle node cancel cli-0123456789abcdef/app"},
                 chosen);
  command->add_option("ID", *id, "Operation, as printed by restart and ops.")->required();
  command->callback(
      [id, &chosen] { chosen.run = [id](Session& session) { return RunCancel(*id, session); }; });
}

}  // namespace rekindle::cli
