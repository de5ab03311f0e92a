#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/api_command.h"
#include "cli/api_errors.h"
#include "cli/recreate_view.h"
#include "cli/render_recreate.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "common/base/text.h"
#include "common/json/tree.h"

namespace rekindle::cli {
namespace {

struct Options {
  ApiOptions api;
  std::string name;
};

// Oldest first.
absl::StatusOr<std::vector<Json>> EventsOf(ApiSession& session, const Json& request) {
  RK_ASSIGN_OR_RETURN(
      const std::vector<ObjectPtr> all,
      session.List({.resource = client::EventResource(),
                    .name_space = session.name_space(),
                    .field_selector = absl::StrCat("involvedObject.uid=",
                                                   json::String(request, {"metadata", "uid"}))}));
  std::vector<Json> out;
  for (const ObjectPtr& event : all) out.push_back(*event);
  std::stable_sort(out.begin(), out.end(),
                   [](const Json& a, const Json& b) { return EventTime(a) < EventTime(b); });
  return out;
}

int RunDescribe(const Options& options, Io& io) {
  absl::StatusOr<std::unique_ptr<ApiSession>> opened = ApiSession::Open(options.api, io);
  if (!opened.ok()) return FailApi(opened.status(), io);
  ApiSession& session = **opened;
  const absl::StatusOr<Json> request =
      session.Get({.resource = RecreateResource(), .key = {session.name_space(), options.name}});
  if (!request.ok()) {
    const absl::Status why = ExplainApi(request.status(),
                                        {.verb = "get",
                                         .resource = RecreateResource(),
                                         .name_space = session.name_space(),
                                         .name = options.name},
                                        session.config());
    return session.Fail(NoSuchRequest(session, options.name, why));
  }
  const absl::StatusOr<std::vector<Json>> events = EventsOf(session, *request);
  if (!events.ok()) {
    io.err << "note: its events cannot be read: " << PrintableText(events.status().message())
           << "\n";
  }
  io.out << RenderRequest(ReadRequest(*request), *request,
                          events.ok() ? *events : std::vector<Json>(), session.style());
  io.out.flush();
  return kExitOk;
}

}  // namespace

void AddDescribeCommand(CLI::App& app, LocalChosen& chosen) {
  CLI::App* describe =
      app.add_subcommand("describe", "Show one object of the API in full: restart.");
  describe->footer("Each kind has its own --help with examples.");
  auto options = std::make_shared<Options>();
  CLI::App* command =
      AddApiCommand(*describe,
                    {.name = "restart",
                     .summary = "Show one request for a restart in full, with its events.",
                     .examples = "  rekindle describe restart web-restart-x7k2p\n"
                                 "  rekindle describe restart web-restart-x7k2p -n shop",
                     .has_output = false},
                    options->api);
  command->alias("restarts")->alias("crr");
  command->add_option("NAME", options->name, "The request.")->required();
  command->callback(
      [options, &chosen] { chosen.run = [options](Io& io) { return RunDescribe(*options, io); }; });
}

}  // namespace rekindle::cli
