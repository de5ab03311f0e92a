#include "cli/follow_recreate.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/api_errors.h"
#include "cli/feed.h"
#include "cli/live_view.h"
#include "cli/recreate_object.h"
#include "cli/recreate_view.h"
#include "cli/render_recreate.h"
#include "cli/restart_wait.h"
#include <nlohmann/json.hpp>

#include "common/base/text.h"
#include "common/json/tree.h"

namespace rekindle::cli {
namespace {

constexpr absl::Duration kReconnectFor = absl::Minutes(2);  // an API server that is being updated
constexpr absl::Duration kIdleAfter = absl::Seconds(5);     // who looks at requests does so at once
// Events are told beside the status, in no order with it.
constexpr absl::Duration kEventsAfterEnd = absl::Milliseconds(500);
constexpr size_t kMostLines = 15;  // of the live view: it must fit on a screen

struct Followed {
  RequestView view;
  RequestNotes notes;
  Json object;
  absl::Duration started;
  bool seen = false;  // by the watch
  bool gone = false;
  std::optional<absl::Duration> ended;          // since `started`
  std::map<std::string, absl::Duration> final;  // of containers that came to an end
  std::map<std::string, std::string> told;      // what was said last of a container

  bool Over() const { return gone || view.Ended(); }
  bool Good() const { return view.Succeeded(); }
};

client::Collection Requests(const std::vector<MadeRequest>& made, const std::string& name_space,
                            const std::string& batch) {
  client::Collection out{.resource = RecreateResource(), .name_space = name_space};
  if (batch.empty()) {
    out.field_selector =
        absl::StrCat("metadata.name=", json::String(*made[0].object, {"metadata", "name"}));
  } else {
    out.label_selector = absl::StrCat(kBatchLabel, "=", batch);
  }
  return out;
}

client::Collection EventsOf(const std::vector<MadeRequest>& made, const std::string& name_space) {
  client::Collection out{.resource = client::EventResource(), .name_space = name_space};
  out.field_selector =
      made.size() == 1
          ? absl::StrCat("involvedObject.uid=", json::String(*made[0].object, {"metadata", "uid"}))
          : "involvedObject.kind=ContainerRecreateRequest";
  return out;
}

class RequestFollower {
 public:
  RequestFollower(ApiSession& session, const std::vector<MadeRequest>& made,
                  const std::string& batch)
      : session_(session),
        name_space_(json::String(*made[0].object, {"metadata", "namespace"})),
        batch_(batch),
        view_(session.io().out, session.io().out_is_tty && session.for_people()),
        begun_(Now()),
        connection_(session.io(), kReconnectFor),
        requests_(session, Requests(made, name_space_, batch)),
        events_(session, EventsOf(made, name_space_)) {
    absl::Duration longest;
    for (const MadeRequest& one : made) {
      Followed followed;
      followed.started = one.started;
      followed.object = *one.object;
      followed.view = ReadRequest(*one.object);
      longest = std::max(longest, followed.view.deadline.value_or(absl::InfiniteDuration()));
      followed_.push_back(std::move(followed));
    }
    // The deadline is kept by the controller; this is for when there is none.
    give_up_ = begun_ + session_.timeout().value_or(longest + kAfterDeadline);
  }

  int Run() {
    while (true) {
      if (session_.io().interrupted.load()) return End(kExitInterrupted);
      const bool all_told = synced_;  // before what is taken now
      for (const FeedChange& change : requests_.Take(kTick)) TakeRequest(change);
      if (all_told) MissUnseen();
      for (const FeedChange& change : events_.Take(absl::ZeroDuration())) TakeNote(change);
      if (AllOver() && NotesAreThere()) return Finish();
      if (!AllOver() && Now() >= give_up_) return End(kExitTimedOut);
      if (const absl::Status status = LookAtConnection(); !status.ok()) return Lost(status);
      Show();
    }
  }

 private:
  absl::Duration Now() const { return session_.client().loop().Monotonic(); }

  void TakeRequest(const FeedChange& change) {
    const std::string uid(json::String(*change.object, {"metadata", "uid"}));
    for (Followed& one : followed_) {
      // Another object may have come under the same name.
      if (one.view.uid != uid || one.gone) continue;
      one.object = *change.object;
      one.view = ReadRequest(*change.object);
      one.seen = true;
      one.gone = change.gone && !one.view.Ended();
      const absl::Duration since = Now() - one.started;
      for (const ContainerView& container : one.view.containers) {
        if (container.phase == "Succeeded" || container.phase == "Failed") {
          one.final.try_emplace(container.name, since);
        }
      }
      if (one.Over() && !one.ended.has_value()) one.ended = since;
    }
  }

  // What is not in the first list was deleted before it.
  void MissUnseen() {
    for (Followed& one : followed_) {
      if (one.seen || one.Over()) continue;
      one.gone = true;
      one.ended = Now() - one.started;
    }
  }

  void TakeNote(const FeedChange& change) {
    if (change.gone) return;
    const absl::string_view uid = json::String(*change.object, {"involvedObject", "uid"});
    for (Followed& one : followed_) {
      if (one.view.uid == uid) TakeEvent(*change.object, one.notes);
    }
  }

  bool AllOver() const {
    return std::all_of(followed_.begin(), followed_.end(),
                       [](const auto& one) { return one.Over(); });
  }

  // Whether events have told everything that they will, as far as it is worth waiting for.
  bool NotesAreThere() {
    absl::Duration last;
    bool missing = false;
    for (const Followed& one : followed_) {
      last = std::max(last, one.started + one.ended.value_or(absl::ZeroDuration()));
      for (const ContainerView& container : one.view.containers) {
        missing |= container.phase == "Succeeded" && one.notes.restarted.count(container.name) == 0;
      }
    }
    return !missing || !session_.for_people() || Now() - last > kEventsAfterEnd ||
           !events_.Look().trouble.ok();
  }

  // An error: nothing more is to be waited for.
  absl::Status LookAtConnection() {
    const Feed::State state = requests_.Look();
    synced_ = state.synced;
    const absl::Status& trouble = state.trouble;
    if (trouble.ok()) {
      connection_.Heard();
      return absl::OkStatus();
    }
    if (!MayPass(trouble)) return trouble;
    if (!connection_.lost()) view_.Clear();
    return connection_.Lost(Now(),
                            "connection to the API server lost; the restart goes on; trying again")
               ? trouble
               : absl::OkStatus();
  }

  ProgressLine LineOf(const Followed& one, const ContainerView& container) const {
    const auto final = one.final.find(container.name);
    const absl::Duration since =
        final != one.final.end() ? final->second : one.ended.value_or(Now() - one.started);
    return ProgressOf(one.view, container, one.notes, since, since > kIdleAfter);
  }

  void Show() {
    if (!session_.for_people()) return;
    if (view_.enabled()) return Draw();
    for (Followed& one : followed_) {
      if (one.Over()) continue;
      for (const ContainerView& container : one.view.containers) {
        const ProgressLine line = LineOf(one, container);
        const std::string now = absl::StrCat(line.phase, " ", line.message);
        if (std::exchange(one.told[container.name], now) == now) continue;
        session_.io().out << RenderChange(line, session_.style());
        session_.io().out.flush();
      }
    }
  }

  void Draw() {
    std::vector<ProgressLine> lines;
    size_t left_out = 0;
    const size_t prefix = followed_.size() == 1 ? followed_[0].view.pod.size() + 1 : 0;
    for (const Followed& one : followed_) {
      for (const ContainerView& container : one.view.containers) {
        // Of many, those that are under way.
        if (lines.size() >= kMostLines || (followed_.size() > kMostLines && one.Over())) {
          ++left_out;
          continue;
        }
        lines.push_back(LineOf(one, container));
        lines.back().name.erase(0, name_space_.size() + 1 + prefix);
      }
    }
    std::vector<std::string> drawn = RenderLive(lines, session_.style());
    if (left_out > 0) {
      const auto over = std::count_if(followed_.begin(), followed_.end(),
                                      [](const auto& one) { return one.Over(); });
      drawn.push_back(absl::StrCat("and ", left_out, " more; ", over, " of ", followed_.size(),
                                   " pods are through")
                          .substr(0, session_.io().width));
    }
    view_.Draw(drawn);
  }

  int Finish() {
    view_.Clear();
    const auto good = std::count_if(followed_.begin(), followed_.end(),
                                    [](const auto& one) { return one.Good(); });
    if (session_.for_people()) {
      for (const Followed& one : followed_) session_.io().out << OutcomeOf(one);
      if (followed_.size() > 1) {
        session_.io().out << good << " of " << followed_.size() << " pods restarted\n";
      }
      session_.io().out.flush();
    } else {
      std::vector<Json> objects;
      for (const Followed& one : followed_) objects.push_back(one.object);
      session_.Print(AsDocument(objects));
    }
    return static_cast<size_t>(good) == followed_.size() ? kExitOk : kExitFailed;
  }

  std::string OutcomeOf(const Followed& one) const {
    if (one.gone) {
      return PrintableText(absl::StrCat(one.view.name_space, "/", one.view.pod, ": request ",
                                        one.view.name,
                                        " was deleted before its end was seen; what had begun is "
                                        "brought to its end")) +
             "\n";
    }
    std::string out;
    for (const ContainerView& container : one.view.containers) {
      const auto final = one.final.find(container.name);
      const absl::Duration took =
          final != one.final.end() ? final->second : one.ended.value_or(absl::ZeroDuration());
      absl::StrAppend(
          &out, RenderContainerOutcome(one.view, container, one.notes, took, session_.style()));
    }
    if (!one.Good()) {
      absl::StrAppend(&out,
                      PrintableText(absl::StrCat("  see rekindle describe restart ", one.view.name,
                                                 " -n ", name_space_)),
                      "\n");
    }
    return out;
  }

  void SayHowToLook() const {
    session_.io().err << "The restart goes on; look at it with: "
                      << HowToLook(name_space_, followed_[0].view.name, batch_) << "\n";
  }

  int End(ExitCode code) {
    view_.Clear();
    SayWhyEnded(session_.io(), code);
    SayHowToLook();
    return code;
  }

  int Lost(const absl::Status& status) {
    view_.Clear();
    const int code = session_.Fail(ExplainApi(
        status, {.verb = "watch", .resource = RecreateResource(), .name_space = name_space_},
        session_.config()));
    SayHowToLook();
    return code;
  }

  ApiSession& session_;
  const std::string name_space_;
  const std::string batch_;
  LiveView view_;
  const absl::Duration begun_;
  absl::Duration give_up_;
  bool synced_ = false;  // the first list has been told
  LostConnection connection_;
  std::vector<Followed> followed_;
  Feed requests_;
  Feed events_;
};

}  // namespace

int FollowRequests(ApiSession& session, const std::vector<MadeRequest>& made,
                   const std::string& batch) {
  return RequestFollower(session, made, batch).Run();
}

std::string HowToLook(const std::string& name_space, const std::string& name,
                      const std::string& batch) {
  return PrintableText(absl::StrCat(
      "rekindle get restarts ", batch.empty() ? name : absl::StrCat("-l ", kBatchLabel, "=", batch),
      " -n ", name_space));
}

Json AsDocument(const std::vector<Json>& objects) {
  Json items = Json::array();
  for (Json object : objects) {
    if (object.contains("metadata")) object["metadata"].erase("managedFields");
    items.push_back(std::move(object));
  }
  if (items.size() == 1) return items[0];
  return {{"apiVersion", "v1"}, {"kind", "List"}, {"metadata", Json::object()}, {"items", items}};
}

}  // namespace rekindle::cli
