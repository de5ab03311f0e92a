#include <memory>

#include "cli/call.h"
#include "cli/command.h"

namespace rekindle::cli {
namespace {

struct WatchOptions {
  std::string pod;
  std::string request_id;
  bool active = false;
};

void PrintChange(const v1::Operation& operation, const Session& session) {
  switch (session.format) {
    case Format::kJson:
      session.io.out << ToJson(operation, /*compact=*/true);
      break;
    case Format::kYaml:
      session.io.out << "---\n" << ToYaml(operation);
      break;
    case Format::kTable:
    case Format::kWide:
      session.io.out << RenderChange(operation, session.style());
      break;
  }
  session.io.out.flush();
}

int RunWatch(const WatchOptions& options, const Session& session) {
  v1::WatchOperationsRequest request;
  request.set_request_id(options.request_id);
  request.set_active_only(options.active);
  if (!options.pod.empty()) {
    const auto pod = ParsePod(options.pod);
    if (!pod.ok()) return session.Fail(pod.status());
    *request.mutable_pod() = *pod;
  }
  using Changes = Stream<v1::WatchOperationsResponse>;
  Changes stream(session.timeout.value_or(absl::InfiniteDuration()),
                 [&](auto* context, auto* queue) {
                   return session.stub->PrepareAsyncWatchOperations(context, request, queue);
                 });
  v1::WatchOperationsResponse change;
  while (!session.io.interrupted.load()) {
    switch (stream.Next(kTick, change)) {
      case Changes::Event::kMessage:
        if (change.has_operation()) PrintChange(change.operation(), session);
        break;
      case Changes::Event::kEnd:
        return stream.status().ok() ? static_cast<int>(kExitOk) : session.Fail(stream.status());
      case Changes::Event::kNothing:
        break;
    }
  }
  return kExitInterrupted;
}

}  // namespace

void AddWatchCommand(CLI::App& node, Chosen& chosen) {
  auto options = std::make_shared<WatchOptions>();
  CLI::App* command = AddCommand(
      node,
      {.name = "watch",
       .summary = "Print operations as they change, until interrupted; the current state "
                  "of each comes first. -o json prints one object a line.",
       .examples = "  rekindle node watch --active\n"
                   "  rekindle node watch default/web -o json"},
      chosen);
  command->add_option("POD", options->pod, "Only operations of this pod.");
  command->add_option("--request-id", options->request_id, "Only operations of this request.")
      ->type_name("ID");
  command->add_flag("--active", options->active, "Leave out operations that have already ended.");
  command->callback([options, &chosen] {
    chosen.run = [options](Session& session) { return RunWatch(*options, session); };
  });
}

}  // namespace rekindle::cli
