#include "cli/recreate_view.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include <nlohmann/json.hpp>

#include "common/api/keys.h"
#include "common/api/time.h"
#include "common/json/tree.h"

namespace rekindle::cli {
namespace {

const Json& ListOf(const Json& tree, std::initializer_list<absl::string_view> path) {
  static const Json kNone = Json::array();
  const Json* list = json::Find(tree, path);
  return list != nullptr && list->is_array() ? *list : kNone;
}

std::string Text(const Json& tree, std::initializer_list<absl::string_view> path) {
  return std::string(json::String(tree, path));
}

// "aa" of "containerd://aa".
std::string BareId(absl::string_view id) {
  const size_t at = id.find("://");
  return std::string(at == absl::string_view::npos ? id : id.substr(at + 3));
}

void TakeRestarted(absl::string_view text, RequestNotes& notes) {
  if (!absl::ConsumePrefix(&text, "container ")) return;
  const size_t colon = text.find(": restarted in ");
  if (colon == absl::string_view::npos) return;
  RestartNote note;
  const std::string name(text.substr(0, colon));
  text.remove_prefix(colon);
  const size_t open = text.find(" (");
  const absl::string_view times = text.substr(0, open);
  const size_t gap = times.find(", gap ");
  if (gap != absl::string_view::npos) note.gap = std::string(times.substr(gap + 6));
  if (open != absl::string_view::npos) {
    absl::string_view how = text.substr(open + 2);
    const size_t close = how.rfind(')');
    if (close != absl::string_view::npos) {
      absl::string_view remark = how.substr(close + 1);
      if (absl::ConsumePrefix(&remark, "; ")) note.remark = std::string(remark);
    }
    how = how.substr(0, close);
    const size_t split = how.find(": ");
    note.method = std::string(how.substr(0, split));
    if (split != absl::string_view::npos) note.reason = std::string(how.substr(split + 2));
  }
  notes.restarted[name] = std::move(note);
}

}  // namespace

bool RequestView::Succeeded() const {
  return Ended() && !containers.empty() &&
         std::all_of(containers.begin(), containers.end(),
                     [](const ContainerView& one) { return one.phase == "Succeeded"; });
}

RequestView ReadRequest(const Json& request) {
  RequestView out;
  out.name_space = Text(request, {"metadata", "namespace"});
  out.name = Text(request, {"metadata", "name"});
  out.uid = Text(request, {"metadata", "uid"});
  out.pod = Text(request, {"spec", "podName"});
  out.node = Text(request, {"metadata", "labels", api::kLabelRecreateNode});
  const std::string method =
      Text(request, {"metadata", "annotations", api::kAnnotationRestartMethod});
  if (!method.empty()) out.method = method;
  out.phase = Text(request, {"status", "phase"});
  out.message = Text(request, {"status", "message"});
  out.created = api::ParseTime(json::String(request, {"metadata", "creationTimestamp"}));
  out.completed = api::ParseTime(json::String(request, {"status", "completionTime"}));
  if (const auto seconds = json::Int(request, {"spec", "activeDeadlineSeconds"})) {
    out.deadline = absl::Seconds(*seconds);
  }
  for (const Json& condition : ListOf(request, {"status", "conditions"})) {
    if (json::String(condition, "type") == api::kConditionPreRecreateGrace &&
        json::String(condition, "status") == "True") {
      out.draining = true;
    }
  }
  for (const Json& container : ListOf(request, {"spec", "containers"})) {
    ContainerView view;
    view.name = std::string(json::String(container, "name"));
    for (const Json& state : ListOf(request, {"status", "containerRecreateStates"})) {
      if (json::String(state, "name") != view.name) continue;
      view.phase = std::string(json::String(state, "phase"));
      view.message = std::string(json::String(state, "message"));
      view.killed = json::Bool(state, {"isKilled"});
    }
    for (const Json& entry : ListOf(request, {"status", "containerStatusSnapshot"})) {
      if (json::String(entry, "name") != view.name) continue;
      view.new_id = BareId(json::String(entry, "containerID"));
      view.restarts = json::Int(entry, "restartCount").value_or(0);
    }
    out.containers.push_back(std::move(view));
  }
  return out;
}

std::string ResultOf(const RequestView& request) {
  if (!request.Ended()) return request.phase.empty() ? "Requested" : request.phase;
  if (request.Succeeded()) return "Succeeded";
  const auto good = std::count_if(request.containers.begin(), request.containers.end(),
                                  [](const auto& one) { return one.phase == "Succeeded"; });
  return good == 0 ? "Failed" : absl::StrCat(good, " of ", request.containers.size());
}

std::string MessageOf(const RequestView& request) {
  if (!request.message.empty()) return request.message;
  for (const ContainerView& container : request.containers) {
    if (!container.message.empty()) return absl::StrCat(container.name, ": ", container.message);
  }
  return "";
}

void TakeEvent(const Json& event, RequestNotes& notes) {
  const absl::string_view reason = json::String(event, "reason");
  const absl::string_view message = json::String(event, "message");
  if (reason == "Waiting") notes.waiting = std::string(message);
  if (reason == "Restarted") TakeRestarted(message, notes);
}

std::optional<absl::Time> EventTime(const Json& event) {
  for (const char* member : {"lastTimestamp", "eventTime", "firstTimestamp"}) {
    if (const auto time = api::ParseTime(json::String(event, member))) return time;
  }
  return api::ParseTime(json::String(event, {"metadata", "creationTimestamp"}));
}

}  // namespace rekindle::cli
