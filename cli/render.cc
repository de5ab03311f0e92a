#include "cli/render.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "cli/output.h"

#include "common/base/proto_time.h"
#include "common/base/text.h"

namespace rekindle::cli {
namespace {

constexpr size_t kShortId = 12;  // as other container tools print IDs

// "PHASE_PRE_STOP" -> "pre-stop".
std::string EnumText(absl::string_view name, absl::string_view prefix) {
  if (!absl::ConsumePrefix(&name, prefix) || name == "UNSPECIFIED") return "unknown";
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", "-"}});
}

Color PhaseColor(v1::Phase phase) {
  switch (phase) {
    case v1::PHASE_DONE:
      return Color::kGreen;
    case v1::PHASE_FAILED:
      return Color::kRed;
    case v1::PHASE_CANCELLED:
      return Color::kNone;
    default:
      return Color::kYellow;
  }
}

absl::Duration Elapsed(const v1::Operation& operation, absl::Time now) {
  const absl::Time end = operation.has_ended() ? FromProto(operation.ended()) : now;
  return std::max(absl::ZeroDuration(), end - FromProto(operation.created()));
}

std::string GapText(const v1::Operation& operation) {
  return operation.has_gap() ? SpanText(FromProto(operation.gap())) : "";
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E3S UTC", FromProto(time), absl::UTCTimeZone());
}

// Cut to `width` characters, never inside one.
std::string Cut(std::string text, size_t width) {
  size_t columns = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (columns++ == width) return text.substr(0, i);
  }
  return text;
}

// One line of ps; `container` is null for a pod without any.
std::vector<Table::Cell> PodRow(const v1::Pod& pod, const v1::Container* container,
                                const Style& style) {
  std::vector<Table::Cell> row = {pod.ref().namespace_(), pod.ref().name()};
  if (container == nullptr) {
    for (const char* text : {"", pod.ready() ? "" : "pod not ready", "", ""}) {
      row.emplace_back(text);
    }
  } else {
    std::string state = ContainerStateName(container->state());
    if (container->state() == v1::CONTAINER_STATE_EXITED) {
      absl::StrAppend(&state, " (", container->exit_code(), ")");
    }
    const bool running = container->state() == v1::CONTAINER_STATE_RUNNING;
    const auto& since = container->has_started() ? container->started() : container->created();
    row.emplace_back(container->name());
    row.emplace_back(state, running ? Color::kGreen : Color::kRed);
    row.emplace_back(absl::StrCat(container->attempt()));
    row.emplace_back(AgeText(style.now - FromProto(since)));
  }
  if (style.wide) {
    row.emplace_back(pod.ip());
    row.emplace_back(EnumText(v1::PodOwner_Name(pod.owner()), "POD_OWNER_"));
    row.emplace_back(container == nullptr ? "" : ShortId(container->id()));
    row.emplace_back(container == nullptr ? "" : container->image());
  }
  return row;
}

}  // namespace

std::string PhaseName(v1::Phase phase) { return EnumText(v1::Phase_Name(phase), "PHASE_"); }
std::string MethodName(v1::Method method) { return EnumText(v1::Method_Name(method), "METHOD_"); }
std::string ContainerStateName(v1::ContainerState state) {
  return EnumText(v1::ContainerState_Name(state), "CONTAINER_STATE_");
}

namespace {

// Why the method in use is not what was asked for; empty when it is.
std::string OtherMethod(const v1::Operation& operation) {
  if (operation.requested_method() == v1::METHOD_UNSPECIFIED) return "";
  return cli::OtherMethod(MethodName(operation.requested_method()), MethodName(operation.method()),
                          PrintableText(operation.method_reason()));
}

ProgressLine LineOf(const v1::Operation& operation, const Style& style) {
  return {.name = absl::StrCat(PodName(operation.pod()), " ",
                               PrintableText(operation.container_name())),
          .phase = PhaseName(operation.phase()),
          .color = PhaseColor(operation.phase()),
          .time = SpanText(Elapsed(operation, style.now)),
          .gap = GapText(operation),
          .message = PrintableText(operation.message())};
}

}  // namespace

std::string ShortId(const std::string& id) { return id.substr(0, kShortId); }

std::string OtherMethod(const std::string& asked, const std::string& used,
                        const std::string& reason) {
  const std::string expected = asked == "auto" ? "replace" : asked;
  if (asked.empty() || used.empty() || used == expected) return "";
  return absl::StrCat(used, " instead of ", expected, reason.empty() ? "" : ": ", reason);
}

std::string RenderChange(const ProgressLine& line, const Style& style) {
  std::string out = absl::StrCat(line.name, ": ", Colored(line.phase, line.color, style.colors),
                                 " (", line.time, ")");
  if (!line.message.empty()) absl::StrAppend(&out, " ", line.message);
  return absl::StrCat(out, "\n");
}

std::string RenderRestarted(const ProgressLine& line, const std::string& how, const Style& style) {
  return absl::StrCat(line.name, ": ", Colored("restarted", Color::kGreen, style.colors), " in ",
                      line.time, line.gap.empty() ? "" : absl::StrCat(", gap ", line.gap),
                      how.empty() ? "" : absl::StrCat(" (", how, ")"), "\n");
}

std::string RenderNotRestarted(const ProgressLine& line, const Style& style) {
  return absl::StrCat(line.name, ": ", Colored(line.phase, line.color, style.colors), " after ",
                      line.time, line.message.empty() ? "" : ": ", line.message, "\n");
}

std::vector<std::string> RenderLive(const std::vector<ProgressLine>& lines, const Style& style) {
  size_t name_width = 0;
  for (const ProgressLine& line : lines) name_width = std::max(name_width, line.name.size());
  std::vector<std::string> out;
  for (const ProgressLine& line : lines) {
    std::string tail = absl::StrFormat("  %7s", line.time);
    if (!line.gap.empty()) absl::StrAppend(&tail, "  gap ", line.gap);
    if (!line.message.empty()) absl::StrAppend(&tail, "  ", line.message);
    std::string head = line.name;
    head.resize(std::max(head.size(), name_width + 2), ' ');
    const std::string phase = absl::StrFormat("%-10s", line.phase);
    head = Cut(head, style.width);
    const size_t used = head.size() + phase.size();
    if (used > style.width) {
      out.push_back(head);
      continue;
    }
    out.push_back(absl::StrCat(head, Colored(phase, line.color, style.colors),
                               Cut(tail, style.width - used)));
  }
  return out;
}

bool HasEnded(const v1::Operation& operation) {
  return operation.phase() == v1::PHASE_DONE || operation.phase() == v1::PHASE_FAILED ||
         operation.phase() == v1::PHASE_CANCELLED;
}

std::string PodName(const v1::PodRef& pod) {
  return PrintableText(absl::StrCat(pod.namespace_(), "/", pod.name()));
}

std::string RenderPods(const v1::ListPodsResponse& pods, const Style& style) {
  std::vector<std::string> header = {"NAMESPACE", "POD", "CONTAINER", "STATE", "ATTEMPT", "AGE"};
  if (style.wide) header.insert(header.end(), {"IP", "OWNER", "ID", "IMAGE"});
  Table table(header);
  for (const v1::Pod& pod : pods.pods()) {
    for (const v1::Container& container : pod.containers()) {
      table.AddRow(PodRow(pod, &container, style));
    }
    if (pod.containers().empty()) table.AddRow(PodRow(pod, nullptr, style));
  }
  return pods.pods().empty() ? "no pods\n" : table.Render(style.colors);
}

std::string RenderOperations(const v1::ListOperationsResponse& operations, const Style& style) {
  if (operations.operations().empty()) return "no operations\n";
  Table table({"OPERATION", "POD", "PHASE", "METHOD", "AGE", "TOOK", "GAP", "MESSAGE"});
  for (const v1::Operation& operation : operations.operations()) {
    table.AddRow({operation.id(),
                  PodName(operation.pod()),
                  {PhaseName(operation.phase()), PhaseColor(operation.phase())},
                  MethodName(operation.method()),
                  AgeText(style.now - FromProto(operation.created())),
                  SpanText(Elapsed(operation, style.now)),
                  GapText(operation),
                  operation.service_down() ? absl::StrCat("SERVICE DOWN: ", operation.message())
                                           : operation.message()});
  }
  std::string out = table.Render(style.colors);
  if (operations.truncated()) absl::StrAppend(&out, "(more operations; raise --limit)\n");
  return out;
}

std::string RenderOperation(const v1::Operation& operation, const Style& style) {
  Sheet sheet(style.colors);
  sheet.Add("Operation", operation.id());
  sheet.Add("Pod", absl::StrCat(PodName(operation.pod()),
                                operation.pod().uid().empty()
                                    ? ""
                                    : absl::StrCat(" (UID ", operation.pod().uid(), ")")));
  sheet.Add("Container", operation.container_name());
  const std::string other = OtherMethod(operation);
  sheet.Add("Method", other.empty() ? MethodName(operation.method()) : other);
  sheet.Add("Phase", PhaseName(operation.phase()), PhaseColor(operation.phase()));
  sheet.Add("Message", operation.message());
  if (operation.service_down()) {
    sheet.Add("SERVICE DOWN", "the container ran before and does not run now", Color::kRed);
  }
  sheet.Add("Took", SpanText(Elapsed(operation, style.now)));
  sheet.Add("Gap", GapText(operation));
  sheet.Add("Old container", operation.old_container_id());
  if (HasEnded(operation) && !operation.old_container_id().empty()) {
    sheet.Add("Old exit code", absl::StrCat(operation.old_exit_code()));
  }
  sheet.Add("New container",
            operation.adopted() ? absl::StrCat(operation.new_container_id(), " (the kubelet's own)")
                                : operation.new_container_id());
  if (operation.attempt() > 0) sheet.Add("Attempt", absl::StrCat(operation.attempt()));
  if (operation.start_failures() > 0) {
    sheet.Add("Start failures", absl::StrCat(operation.start_failures()), Color::kRed);
  }
  sheet.Add("Pre-stop hook", operation.pre_stop_result());
  sheet.Add("Post-start hook", operation.post_start_result());
  if (operation.has_backoff_until()) {
    sheet.Add("Back-off until", TimeText(operation.backoff_until()), Color::kYellow);
  }
  sheet.Add("Aftercare", operation.aftercare() ? "under way" : operation.aftercare_result());
  sheet.Add("Created", TimeText(operation.created()));
  if (operation.has_deadline()) sheet.Add("Deadline", TimeText(operation.deadline()));
  if (operation.has_ended()) sheet.Add("Ended", TimeText(operation.ended()));
  std::string out = sheet.Take();
  if (!operation.history().empty()) absl::StrAppend(&out, "History:\n");
  for (const v1::PhaseTime& step : operation.history()) {
    const absl::Duration since = FromProto(step.entered()) - FromProto(operation.created());
    absl::StrAppend(&out, absl::StrFormat("  %9s  %s\n", absl::StrCat("+", SpanText(since)),
                                          PhaseName(step.phase())));
  }
  return out;
}

std::string RenderNodeInfo(const v1::NodeInfo& info, const Style& style) {
  Sheet sheet(style.colors);
  sheet.Add("Node", info.node_name());
  sheet.Add("Daemon", absl::StrCat(info.daemon_version(), ", up ",
                                   AgeText(style.now - FromProto(info.started()))));
  sheet.Add("Runtime", absl::StrCat(info.runtime_name(), " ", info.runtime_version()));
  sheet.Add("Endpoint", info.runtime_endpoint());
  sheet.Add("Runtime ready",
            info.runtime_ready() ? "yes" : absl::StrCat("NO: ", info.runtime_reason()),
            info.runtime_ready() ? Color::kGreen : Color::kRed);
  sheet.Add("Events from", info.event_source());
  sheet.Add("Accepting work",
            info.accepting() ? "yes" : absl::StrCat("NO: ", info.accepting_reason()),
            info.accepting() ? Color::kGreen : Color::kRed);
  sheet.Add("Operations", absl::StrCat(info.active_operations(), " active, ",
                                       info.stored_operations(), " stored"));
  if (info.quarantined_records() > 0) {
    sheet.Add("Journal", absl::StrCat(info.quarantined_records(), " damaged records set aside"),
              Color::kYellow);
  }
  return sheet.Take();
}

std::string RenderChange(const v1::Operation& operation, const Style& style) {
  absl::Duration at = absl::ZeroDuration();
  if (!operation.history().empty()) {
    at = FromProto(operation.history(operation.history_size() - 1).entered()) -
         FromProto(operation.created());
  }
  ProgressLine line = LineOf(operation, style);
  line.time = SpanText(at);
  return RenderChange(line, style);
}

std::string RenderOutcome(const v1::Operation& operation, const Style& style) {
  const ProgressLine line = LineOf(operation, style);
  if (operation.phase() == v1::PHASE_DONE) {
    const std::string other = OtherMethod(operation);
    return absl::StrCat(
        RenderRestarted(
            line,
            absl::StrCat(MethodName(operation.method()), ", attempt ", operation.attempt(),
                         ", container ", ShortId(PrintableText(operation.new_container_id()))),
            style),
        other.empty() ? "" : absl::StrCat("  ", other, "\n"));
  }
  std::string out = RenderNotRestarted(line, style);
  if (operation.service_down()) {
    absl::StrAppend(&out, Colored("  SERVICE DOWN", Color::kRed, style.colors),
                    ": the container ran before and does not run now; see rekindle node ops ",
                    PrintableText(operation.id()), "\n");
  }
  return out;
}

std::vector<std::string> RenderLive(const std::vector<v1::Operation>& operations,
                                    const Style& style) {
  std::vector<ProgressLine> lines;
  for (const auto& operation : operations) {
    lines.push_back(LineOf(operation, style));
    lines.back().name = PrintableText(operation.container_name());
  }
  return RenderLive(lines, style);
}

std::string RenderPullProgress(const std::string& image, const v1::PullProgress& progress,
                               const Style& style) {
  const auto mib = [](int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  std::string text = absl::StrFormat("%s  %.1f", PrintableText(image), mib(progress.done_bytes()));
  if (progress.total_bytes() > 0) {
    const double done = static_cast<double>(progress.done_bytes());
    const double total = static_cast<double>(progress.total_bytes());
    absl::StrAppendFormat(&text, " of %.1f MiB  %d %%", mib(progress.total_bytes()),
                          static_cast<int>(std::clamp(100 * done / total, 0.0, 100.0)));
  } else {
    absl::StrAppend(&text, " MiB");
  }
  absl::StrAppend(&text, "  ", SpanText(FromProto(progress.elapsed())));
  return Cut(std::move(text), style.width);
}

}  // namespace rekindle::cli
