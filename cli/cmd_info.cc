#include "cli/call.h"
#include "cli/command.h"

namespace rekindle::cli {
namespace {

int RunInfo(const Session& session) {
  const v1::GetNodeInfoRequest request;
  const auto info =
      Call<v1::NodeInfo>(session.io, session.call_limit(), [&](auto* context, auto* queue) {
        return session.stub->PrepareAsyncGetNodeInfo(context, request, queue);
      });
  if (!info.ok()) return session.Fail(info.status());
  session.Print(*info, [&] { return RenderNodeInfo(*info, session.style()); });
  return kExitOk;
}

}  // namespace

void AddInfoCommand(CLI::App& node, Chosen& chosen) {
  CLI::App* command =
      AddCommand(node,
                 {.name = "info",
                  .summary = "Show what this node's daemon and runtime are and how they do.",
                  .examples = "  rekindle node info\n  rekindle node info -o yaml"},
                 chosen);
  command->callback([&chosen] { chosen.run = RunInfo; });
}

}  // namespace rekindle::cli
