#include "cli/render_recreate.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include <nlohmann/json.hpp>

#include "common/api/keys.h"
#include "common/base/text.h"
#include "common/json/tree.h"

namespace rekindle::cli {
namespace {

constexpr char kIdle[] = "nobody has taken it up yet; does rekindle-controller run?";

Color ResultColor(const RequestView& request) {
  if (!request.Ended()) return Color::kYellow;
  return request.Succeeded() ? Color::kGreen : Color::kRed;
}

Color ContainerColor(const std::string& phase) {
  if (phase == "Succeeded") return Color::kGreen;
  return phase == "Failed" ? Color::kRed : Color::kYellow;
}

std::string ContainerNames(const RequestView& request) {
  return absl::StrJoin(request.containers, ",",
                       [](std::string* out, const ContainerView& one) { out->append(one.name); });
}

std::string SpanOf(const RequestView& request, const Style& style) {
  if (!request.created.has_value()) return "";
  const absl::Time end = request.completed.value_or(style.now);
  // Times of the API are whole seconds.
  return AgeText(end - *request.created);
}

std::string MomentText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", time, absl::UTCTimeZone());
}

std::string SecondsText(const Json& object, std::initializer_list<absl::string_view> path) {
  const std::optional<int64_t> seconds = json::Int(object, path);
  return seconds.has_value() ? DurationText(absl::Seconds(*seconds)) : "";
}

void AddSpec(const Json& object, Sheet& sheet) {
  const auto strategy = [&](absl::string_view member) {
    return SecondsText(object, {"spec", "strategy", member});
  };
  sheet.Add("Grace", strategy("terminationGracePeriodSeconds"));
  sheet.Add("Unready grace", strategy("unreadyGracePeriodSeconds"));
  sheet.Add("Min started", strategy("minStartedSeconds"));
  if (json::Bool(object, {"spec", "strategy", "orderedRecreate"})) {
    sheet.Add("Order", "one container after the other");
  }
  if (json::Bool(object, {"spec", "strategy", "forceRecreate"})) {
    sheet.Add("Force", "also a container that has changed since");
  }
  sheet.Add("On failure",
            absl::AsciiStrToLower(json::String(object, {"spec", "strategy", "failurePolicy"})));
  const auto says = [&](absl::string_view annotation) {
    return json::String(object, {"metadata", "annotations", annotation}) == "true";
  };
  if (says(api::kAnnotationSkipPreStop)) sheet.Add("Pre-stop hook", "skipped");
  if (says(api::kAnnotationRespectBudget)) sheet.Add("Budget", "respected");
  sheet.Add("Deadline", SecondsText(object, {"spec", "activeDeadlineSeconds"}));
  sheet.Add("Kept for", SecondsText(object, {"spec", "ttlSecondsAfterFinished"}));
}

}  // namespace

Table RequestTable(const Style& style, bool with_namespace) {
  std::vector<std::string> header = {"NAME",  "POD", "NODE", "CONTAINERS",
                                     "PHASE", "AGE", "TOOK", "MESSAGE"};
  if (style.wide) header.insert(header.end() - 1, {"METHOD", "DEADLINE"});
  if (with_namespace) header.insert(header.begin(), "NAMESPACE");
  return Table(header);
}

void AddRequestRow(const RequestView& request, const Style& style, bool with_namespace,
                   bool deleted, Table& table) {
  std::vector<Table::Cell> row;
  if (with_namespace) row.emplace_back(request.name_space);
  row.emplace_back(request.name);
  row.emplace_back(request.pod);
  row.emplace_back(request.node);
  row.emplace_back(ContainerNames(request));
  row.emplace_back(deleted ? "Deleted" : ResultOf(request),
                   deleted ? Color::kNone : ResultColor(request));
  row.emplace_back(request.created.has_value() ? AgeText(style.now - *request.created) : "");
  row.emplace_back(request.completed.has_value() ? SpanOf(request, style) : "");
  if (style.wide) {
    row.emplace_back(request.method);
    row.emplace_back(request.deadline.has_value() ? DurationText(*request.deadline) : "");
  }
  row.emplace_back(MessageOf(request));
  table.AddRow(std::move(row));
}

std::string RenderRequest(const RequestView& request, const Json& object,
                          const std::vector<Json>& events, const Style& style) {
  Sheet sheet(style.colors);
  sheet.Add("Request", absl::StrCat(request.name_space, "/", request.name));
  sheet.Add("Pod", request.pod);
  sheet.Add("Node", request.node);
  sheet.Add("Phase", ResultOf(request), ResultColor(request));
  sheet.Add("Message", request.message);
  if (request.created.has_value()) sheet.Add("Created", MomentText(*request.created));
  if (request.completed.has_value()) sheet.Add("Ended", MomentText(*request.completed));
  sheet.Add(request.completed.has_value() ? "Took" : "Runs for", SpanOf(request, style));
  sheet.Add("Method asked", request.method);
  AddSpec(object, sheet);
  RequestNotes notes;
  for (const Json& event : events) TakeEvent(event, notes);
  Table containers({"CONTAINER", "PHASE", "STOPPED", "RESTARTS", "ID", "GAP", "MESSAGE"});
  for (const ContainerView& one : request.containers) {
    containers.AddRow({one.name,
                       {one.phase.empty() ? "Pending" : one.phase, ContainerColor(one.phase)},
                       std::string(one.killed ? "yes" : "no"),
                       one.new_id.empty() ? "" : absl::StrCat(one.restarts),
                       ShortId(one.new_id),
                       notes.restarted[one.name].gap,
                       one.message});
  }
  std::string out = absl::StrCat(sheet.Take(), "\n", containers.Render(style.colors));
  if (events.empty()) return out;
  Table table({"TIME", "TYPE", "REASON", "EVENT"});
  for (const Json& event : events) {
    const std::optional<absl::Time> time = EventTime(event);
    table.AddRow({time.has_value() ? MomentText(*time) : "",
                  {std::string(json::String(event, "type")),
                   json::String(event, "type") == "Warning" ? Color::kYellow : Color::kNone},
                  std::string(json::String(event, "reason")),
                  std::string(json::String(event, "message"))});
  }
  return absl::StrCat(out, "\n", table.Render(style.colors));
}

ProgressLine ProgressOf(const RequestView& request, const ContainerView& container,
                        const RequestNotes& notes, absl::Duration since, bool idle) {
  ProgressLine out;
  out.name = PrintableText(absl::StrCat(request.name_space, "/", request.pod, " ", container.name));
  out.color = ContainerColor(container.phase);
  out.time = SpanText(since);
  if (const auto note = notes.restarted.find(container.name); note != notes.restarted.end()) {
    out.gap = PrintableText(note->second.gap);
  }
  out.phase = absl::AsciiStrToLower(container.phase.empty() ? "Pending" : container.phase);
  if (container.phase.empty() && request.phase.empty()) out.phase = "requested";
  std::string message = container.message;
  if (container.phase == "Succeeded") {
    message = "";
  } else if (message.empty() && container.phase == "Recreating") {
    if (container.killed) message = "stopped; its successor is not ready yet";
    if (!container.killed && request.draining)
      message = "the pod is out of service, not stopped yet";
  } else if (message.empty()) {
    message = request.message.empty() ? notes.waiting : request.message;
    if (message.empty() && idle && request.phase.empty()) message = kIdle;
  }
  out.message = PrintableText(message);
  return out;
}

std::string RenderContainerOutcome(const RequestView& request, const ContainerView& container,
                                   const RequestNotes& notes, absl::Duration took,
                                   const Style& style) {
  ProgressLine line = ProgressOf(request, container, notes, took, /*idle=*/false);
  if (container.phase != "Succeeded") {
    // A container that was not begun stays Pending when another one's failure ends the request.
    const bool untouched = container.phase.empty() || container.phase == "Pending";
    line.phase = untouched ? "not restarted" : line.phase;
    line.color = Color::kRed;
    if (line.message.empty() && untouched) line.message = "the request ended before";
    return RenderNotRestarted(line, style);
  }
  const auto found = notes.restarted.find(container.name);
  const RestartNote note = found == notes.restarted.end() ? RestartNote() : found->second;
  std::vector<std::string> how;
  if (!note.method.empty()) how.push_back(PrintableText(note.method));
  if (!container.new_id.empty()) {
    how.push_back(absl::StrCat("attempt ", container.restarts));
    how.push_back(absl::StrCat("container ", ShortId(PrintableText(container.new_id))));
  }
  const std::string other = OtherMethod(PrintableText(request.method), PrintableText(note.method),
                                        PrintableText(note.reason));
  return absl::StrCat(
      RenderRestarted(line, absl::StrJoin(how, ", "), style),
      other.empty() ? "" : absl::StrCat("  ", other, "\n"),
      note.remark.empty() ? "" : absl::StrCat("  ", PrintableText(note.remark), "\n"));
}

}  // namespace rekindle::cli
