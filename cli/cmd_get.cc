#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/api_command.h"
#include "cli/api_errors.h"
#include "cli/feed.h"
#include "cli/follow_recreate.h"
#include "cli/recreate_view.h"
#include "cli/render_recreate.h"
#include "cli/session.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "common/base/text.h"
#include "common/json/tree.h"

namespace rekindle::cli {
namespace {

struct Options {
  ApiOptions api;
  std::string name;
  std::string pod;
  std::string selector;
  bool everywhere = false;
  bool watch = false;
};

class Getter {
 public:
  Getter(const Options& options, ApiSession& session)
      : options_(options), session_(session), table_(RequestTable(session.style(), Everywhere())) {}

  int Run() {
    if (options_.watch) return Watch();
    absl::StatusOr<std::vector<ObjectPtr>> all = session_.List(Wanted());
    if (!all.ok()) return session_.Fail(Explain(all.status(), "list"));
    std::vector<ObjectPtr> found = Chosen(std::move(*all));
    if (found.empty() && !options_.name.empty()) {
      return session_.Fail(NoSuchRequest(session_, options_.name, absl::OkStatus()));
    }
    if (session_.for_people()) {
      session_.io().out << (found.empty() ? NothingThere() : RowsOf(found, /*header=*/true));
      session_.io().out.flush();
    } else {
      PrintObjects(found);
    }
    return kExitOk;
  }

 private:
  bool Everywhere() const { return options_.everywhere; }

  client::Collection Wanted() const {
    client::Collection out{.resource = RecreateResource(),
                           .name_space = Everywhere() ? "" : session_.name_space(),
                           .label_selector = options_.selector};
    if (!options_.name.empty()) out.field_selector = absl::StrCat("metadata.name=", options_.name);
    return out;
  }

  absl::Status Explain(const absl::Status& status, absl::string_view verb) const {
    return ExplainApi(status,
                      {.verb = verb,
                       .resource = RecreateResource(),
                       .name_space = Everywhere() ? "" : session_.name_space(),
                       .name = options_.name},
                      session_.config());
  }

  bool IsWanted(const Json& request) const {
    absl::string_view pod = options_.pod;
    absl::ConsumePrefix(&pod, "pod/");
    return pod.empty() || json::String(request, {"spec", "podName"}) == pod;
  }

  // Those that are asked for, newest first.
  std::vector<ObjectPtr> Chosen(std::vector<ObjectPtr> all) const {
    std::erase_if(all, [this](const ObjectPtr& one) { return !IsWanted(*one); });
    std::stable_sort(all.begin(), all.end(), [](const ObjectPtr& a, const ObjectPtr& b) {
      return ReadRequest(*a).created > ReadRequest(*b).created;
    });
    return all;
  }

  std::string NothingThere() const {
    return Everywhere() ? "no restarts\n"
                        : absl::StrCat("no restarts in namespace ", session_.name_space(), "\n");
  }

  std::string RowsOf(const std::vector<ObjectPtr>& objects, bool header, bool deleted = false) {
    const size_t before = table_.rows();
    for (const ObjectPtr& one : objects) {
      AddRequestRow(ReadRequest(*one), session_.style(), Everywhere(), deleted, table_);
    }
    const Style style = session_.style();
    return header ? table_.Render(style.colors) : table_.RenderRows(before, style.colors);
  }

  void PrintObjects(const std::vector<ObjectPtr>& found) const {
    if (!options_.name.empty()) return session_.Print(AsDocument({*found[0]}));
    Json items = Json::array();
    for (const ObjectPtr& one : found) items.push_back(*one);
    session_.Print({{"apiVersion", "v1"},
                    {"kind", "List"},
                    {"metadata", Json::object()},
                    {"items", std::move(items)}});
  }

  // One change: a row, or an object in the formats for programs.
  void PrintChange(const ObjectPtr& object, bool deleted) {
    std::ostream& out = session_.io().out;
    if (session_.for_people()) {
      out << RowsOf({object}, /*header=*/false, deleted);
    } else if (!deleted) {
      if (session_.format() == Format::kJson) {
        out << ToJson(*object, /*compact=*/true);
      } else {
        out << "---\n" << ToYaml(*object);
      }
    }
    out.flush();
  }

  int Watch() {
    Feed feed(session_, Wanted());
    if (const absl::Status first = feed.AwaitFirst(session_.call_limit()); !first.ok()) {
      return session_.Fail(Explain(first, "list"));
    }
    std::vector<ObjectPtr> there;
    for (FeedChange& change : feed.Take(absl::ZeroDuration())) {
      if (!change.gone) there.push_back(std::move(change.object));
    }
    there = Chosen(std::move(there));
    if (session_.for_people()) {
      session_.io().out << RowsOf(there, /*header=*/true);
      session_.io().out.flush();
    } else {
      for (const ObjectPtr& one : there) PrintChange(one, /*deleted=*/false);
    }
    return Follow(feed);
  }

  int Follow(Feed& feed) {
    const auto now = [this] { return session_.client().loop().Monotonic(); };
    const absl::Duration end = now() + session_.timeout().value_or(absl::InfiniteDuration());
    bool lost = false;
    while (!session_.io().interrupted.load()) {
      for (const FeedChange& change : feed.Take(kTick)) {
        if (IsWanted(*change.object)) PrintChange(change.object, change.gone);
      }
      if (now() > end) {
        session_.io().err << "error: timed out waiting\n";
        return kExitTimedOut;
      }
      const absl::Status trouble = feed.Look().trouble;
      if (!trouble.ok() && !MayPass(trouble)) {
        return session_.Fail(Explain(trouble, "watch"));
      }
      if (!trouble.ok() && !lost) {
        session_.io().err << "connection to the API server lost; trying again\n";
      }
      lost = !trouble.ok();
    }
    return kExitInterrupted;
  }

  const Options& options_;
  ApiSession& session_;
  Table table_;  // with all rows that were shown
};

int RunGet(const Options& options, Io& io) {
  if (options.everywhere && !options.name.empty()) {
    return FailApi(absl::InvalidArgumentError("-A: NAME is a request of one namespace, see -n"),
                   io);
  }
  absl::StatusOr<std::unique_ptr<ApiSession>> session = ApiSession::Open(options.api, io);
  if (!session.ok()) return FailApi(session.status(), io);
  return Getter(options, **session).Run();
}

}  // namespace

absl::Status NoSuchRequest(ApiSession& session, const std::string& name,
                           const absl::Status& status) {
  if (!status.ok() && !absl::IsNotFound(status)) return status;
  const absl::Status missing = absl::NotFoundError(
      absl::StrCat("NAME: there is no restart ", session.name_space(), "/", PrintableText(name)));
  const auto all =
      session.List({.resource = RecreateResource(), .name_space = session.name_space()});
  if (!all.ok()) return missing;
  std::vector<std::string> names;
  for (const ObjectPtr& one : *all) {
    names.emplace_back(json::String(*one, {"metadata", "name"}));
  }
  return WithNearest(missing, name, names);
}

void AddGetCommand(CLI::App& app, LocalChosen& chosen) {
  CLI::App* get = app.add_subcommand("get", "List objects of the API: restarts.");
  get->footer("Each kind has its own --help with examples.");
  auto options = std::make_shared<Options>();
  CLI::App* command = AddApiCommand(
      *get,
      {.name = "restarts",
       .summary = "List requests for restarts (ContainerRecreateRequest), newest first.",
       .examples = "  rekindle get restarts\n"
                   "  rekindle get restarts -A -w\n"
                   "  rekindle get restarts --pod web -o wide\n"
                   "  rekindle get restarts web-restart-x7k2p -o yaml",
       .has_output = true,
       .has_wide = true},
      options->api);
  command->alias("restart")->alias("crr");
  command->add_option("NAME", options->name, "Only this request.");
  command->add_flag("-A,--all-namespaces", options->everywhere, "Of all namespaces.");
  command->add_option("--pod", options->pod, "Only requests for this pod.")->type_name("POD");
  command->add_option("-l,--selector", options->selector, "Only requests with these labels.")
      ->type_name("LABELS");
  command->add_flag("-w,--watch", options->watch,
                    "Then print each change, until interrupted; -o json prints one object a line.");
  command->callback(
      [options, &chosen] { chosen.run = [options](Io& io) { return RunGet(*options, io); }; });
}

}  // namespace rekindle::cli
