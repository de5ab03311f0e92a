#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"
#include "controller/plan/report_parts.h"

namespace rekindle::plan {
namespace {

// Seconds as "1m 05s".
std::string Span(int64_t seconds) {
  if (seconds < 60) return absl::StrCat(seconds, "s");
  return absl::StrFormat("%dm %02ds", seconds / 60, seconds % 60);
}

// In the order in which they are printed.
constexpr absl::string_view kFigures[] = {"replicas",
                                          "pods",
                                          "podManagementPolicy",
                                          "policy",
                                          "paused",
                                          "start",
                                          "reserved",
                                          "partition",
                                          "order",
                                          "batch",
                                          "maxUnavailable",
                                          "maxSurge",
                                          "minReadySeconds",
                                          "scaleMaxUnavailable",
                                          "maxFailures",
                                          "spread"};

// A figure: a number, a text, or a list of them.
std::string Plain(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::vector<std::string> parts;
  for (const Json& one : value) parts.push_back(Plain(one));
  return absl::StrJoin(parts, " ");
}

std::string Head(const Json& report) {
  std::string out = absl::StrCat(json::String(report, {"workload", "kind"}), " ",
                                 json::String(report, {"workload", "name"}), "\n");
  std::vector<std::string> limits;
  for (const absl::string_view name : kFigures) {
    const Json* value = json::Find(report["figures"], name);
    if (value == nullptr) continue;
    limits.push_back(value->is_boolean() ? std::string(name)
                                         : absl::StrCat(name, " ", Plain(*value)));
  }
  absl::StrAppend(&out, "limits: ", absl::StrJoin(limits, ", "), "\n");
  if (const Json* revision = json::Find(report, "revision")) {
    absl::StrAppend(&out, "revision: ", json::String(*revision, "update"), " (",
                    json::String(*revision, "action"), ")");
    const absl::string_view current = json::String(*revision, "current");
    if (current != json::String(*revision, "update")) {
      absl::StrAppend(&out, ", present ", current);
    }
    out += "\n";
  }
  if (const Json* warnings = json::Find(report, "warnings")) {
    for (const Json& line : *warnings) {
      absl::StrAppend(&out, "warning: ", line.get<std::string>(), "\n");
    }
  }
  if (const Json* change = json::Find(report, "change")) {
    absl::StrAppend(&out, "change: ", json::String(*change, "reason"), "\n");
  }
  if (const Json* change = json::Find(report, "claimChange")) {
    absl::StrAppend(&out, "change: ", json::String(*change, "reason"), "\n");
  }
  if (const Json* pulls = json::Find(report, "preDownload")) {
    absl::StrAppend(&out, "images: ", json::String(*pulls, "reason"), "\n");
  }
  return out;
}

std::string Now(const Json& report, int width) {
  std::string out = "\nnow:\n";
  for (const Json& pod : report["pods"]) {
    absl::StrAppendFormat(
        &out, "  %-*s  %-15s  %s\n", width, std::string(json::String(pod, "pod")),
        std::string(json::String(pod, "action")),
        absl::StrCat(json::String(pod, "reason"), json::String(pod, "revision") == "current"
                                                      ? ", on the present revision"
                                                      : ""));
  }
  if (const Json* owners = json::Find(report, "owners")) {
    for (const Json& pod : *owners) {
      absl::StrAppendFormat(
          &out, "  %-*s  %-15s  %s\n", width, std::string(json::String(pod, "pod")),
          std::string(json::String(pod, "action")), std::string(json::String(pod, "reason")));
    }
  }
  if (const Json* limited = json::Find(report, "scaleLimited")) {
    absl::StrAppendFormat(&out, "  %-*s  %-15s  %s\n", width,
                          absl::StrCat("(", (*limited)["pods"].get<int64_t>(), " more)"), "None",
                          std::string(json::String(*limited, "reason")));
  }
  if (report["pods"].empty()) out += "  nothing\n";
  if (const Json* conditions = json::Find(report, "conditions")) {
    out += "\nconditions:\n";
    for (const Json& c : *conditions) {
      absl::StrAppend(&out, "  ", json::String(c, "type"), "  ", json::String(c, "status"), "  ",
                      json::String(c, "reason"), json::String(c, "reason").empty() ? "" : ": ",
                      json::String(c, "message"), "\n");
    }
  }
  if (const Json* claims = json::Find(report, "claims")) {
    out += "\nclaims:\n";
    for (const Json& claim : *claims) {
      absl::StrAppend(&out, "  ", json::String(claim, "claim"), "  ", json::String(claim, "action"),
                      "\n");
    }
  }
  return out;
}

std::string End(const Json& simulation) {
  const absl::string_view ending = json::String(simulation, "ending");
  const std::string after = absl::StrCat(" after ", Span(simulation["seconds"].get<int64_t>()));
  if (ending == EndingName(Ending::kAtRest)) {
    return absl::StrCat("at rest", after, ", the spec asks to leave the rest alone");
  }
  if (ending == EndingName(Ending::kStandsStill)) {
    return absl::StrCat("NOT FINISHED, stands still", after);
  }
  if (ending == EndingName(Ending::kCutOff)) {
    return absl::StrCat("NOT FINISHED", after, ", the simulation ends here");
  }
  const int64_t kept = simulation["keptByPartition"].get<int64_t>();
  return absl::StrCat("finished", after,
                      kept > 0 ? absl::StrCat(", partition keeps ", Counted(kept, "pod")) : "");
}

std::string Order(const Json& simulation) {
  std::string out = "\nin order:\n";
  for (const Json& batch : simulation["batches"]) {
    absl::StrAppendFormat(&out, "  %7s  %-13s  %s\n", Span(batch["second"].get<int64_t>()),
                          batch["action"].get<std::string>(),
                          absl::StrJoin(batch["pods"].get<std::vector<std::string>>(), " "));
  }
  if (simulation["batches"].empty()) out += "  nothing\n";
  absl::StrAppend(&out, "\n", End(simulation), ": lowest availability ",
                  simulation["lowestAvailable"].get<int64_t>(), ", ",
                  Counted(simulation["restarts"].get<int64_t>(), "container restart"), ", ",
                  Counted(simulation["created"].get<int64_t>(), "pod"), " created, ",
                  simulation["deleted"].get<int64_t>(), " deleted (model cluster)\n");
  for (const Json& line : simulation["stillWaiting"]) {
    absl::StrAppend(&out, "  ", line.get<std::string>(), "\n");
  }
  return out;
}

std::string Events(const Json& simulation, int width) {
  if (!simulation.contains("events")) return "";
  std::string out = "\ntimeline:\n";
  for (const Json& e : simulation["events"]) {
    absl::StrAppendFormat(&out, "  %7s  %-*s  %-15s  %s\n", Span(e["second"].get<int64_t>()), width,
                          e["pod"].get<std::string>(), e["action"].get<std::string>(),
                          e["why"].get<std::string>());
  }
  return out;
}

}  // namespace

std::string ReportText(const Json& report) {
  size_t longest = 4;
  for (const Json& pod : report["pods"]) {
    longest = std::max(longest, json::String(pod, "pod").size());
  }
  const int width = static_cast<int>(longest);
  const Json& simulation = report["simulation"];
  return absl::StrCat(Head(report), Now(report, width), Order(simulation),
                      Events(simulation, width));
}

}  // namespace rekindle::plan
