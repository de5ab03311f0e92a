#include "cli/recreate_object.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "cli/session.h"
#include <nlohmann/json.hpp>

#include "common/api/keys.h"
#include "common/api/names.h"
#include "common/api/selector.h"
#include "common/base/status_macros.h"
#include "common/base/text.h"
#include "common/json/tree.h"

namespace rekindle::cli {
namespace {

constexpr absl::string_view kRestart = "-restart-";
constexpr size_t kNameWithoutSuffix = 58;                    // what generated names are cut to
constexpr absl::Duration kLeastDeadline = absl::Seconds(3);  // spec container-recreate 5.3
// Beside grace and waits: what starting, readiness and a queue of requests may take.
constexpr absl::Duration kRoom = absl::Minutes(5);
constexpr absl::Duration kBudgetRoom = absl::Hours(1);  // until a budget allows it
constexpr absl::Duration kUsualGrace = absl::Seconds(30);

// The API counts in whole seconds of 32 bits. Nothing: the flag was not given.
absl::StatusOr<std::optional<int64_t>> Seconds(absl::string_view flag, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const absl::StatusOr<absl::Duration> duration = ParseDurationText(text);
  if (!duration.ok()) return Annotate(duration.status(), flag);
  if (absl::Trunc(*duration, absl::Seconds(1)) != *duration) {
    return WrongFlag(flag, absl::StrCat("\"", PrintableText(text),
                                        "\" is no whole number of seconds, and the API knows no "
                                        "smaller ones"));
  }
  if (*duration > absl::Seconds(std::numeric_limits<int32_t>::max())) {
    return WrongFlag(flag, absl::StrCat("\"", PrintableText(text), "\" is too long"));
  }
  return absl::ToInt64Seconds(*duration);
}

struct Times {
  std::optional<int64_t> grace;
  std::optional<int64_t> unready;
  std::optional<int64_t> min_started;
  std::optional<int64_t> deadline;
  std::optional<int64_t> ttl;
};

absl::StatusOr<Times> ReadTimes(const PodRestartOptions& options) {
  Times out;
  RK_ASSIGN_OR_RETURN(out.grace, Seconds("--grace", options.grace));
  RK_ASSIGN_OR_RETURN(out.unready, Seconds("--unready-grace", options.unready_grace));
  RK_ASSIGN_OR_RETURN(out.min_started, Seconds("--min-started", options.min_started));
  RK_ASSIGN_OR_RETURN(out.deadline, Seconds("--deadline", options.deadline));
  RK_ASSIGN_OR_RETURN(out.ttl, Seconds("--ttl", options.ttl));
  if (out.deadline.has_value() && absl::Seconds(*out.deadline) < kLeastDeadline) {
    return WrongFlag("--deadline", absl::StrCat("must be at least ", DurationText(kLeastDeadline)));
  }
  return out;
}

std::vector<std::string> ContainerNames(const Json& pod, const char* list) {
  std::vector<std::string> out;
  const Json* containers = json::Find(pod, {"spec", list});
  if (containers == nullptr || !containers->is_array()) return out;
  for (const Json& container : *containers) {
    out.emplace_back(json::String(container, "name"));
  }
  return out;
}

absl::StatusOr<std::vector<std::string>> Choose(const PodRestartOptions& options, const Json& pod) {
  std::vector<std::string> all = ContainerNames(pod, "containers");
  const std::string name(json::String(pod, {"metadata", "name"}));
  if (options.all) return all;
  if (options.containers.empty()) {
    if (all.size() == 1) return all;
    return WrongFlag(
        "-c", absl::StrCat("pod ", name, " has several containers (", absl::StrJoin(all, ", "),
                           "); name them with -c NAME, or restart all with --all"));
  }
  // Sidecars among the init containers: whether they can be restarted is the server's to say.
  for (std::string& init : ContainerNames(pod, "initContainers")) all.push_back(std::move(init));
  for (const std::string& wanted : options.containers) {
    if (std::find(all.begin(), all.end(), wanted) != all.end()) continue;
    return WithNearest(absl::NotFoundError(absl::StrCat("-c: pod ", name, " has no container ",
                                                        PrintableText(wanted))),
                       wanted, all);
  }
  return options.containers;
}

// When nobody says otherwise: late enough for whatever goes well.
int64_t DefaultDeadline(const PodRestartOptions& options, const Times& times, const Json& pod,
                        int64_t containers) {
  const int64_t grace = times.grace.value_or(
      std::max<int64_t>(0, json::Int(pod, {"spec", "terminationGracePeriodSeconds"})
                               .value_or(absl::ToInt64Seconds(kUsualGrace))));
  const int64_t each = grace + times.min_started.value_or(0);
  int64_t out = each * (options.ordered ? containers : 1) + times.unready.value_or(0) +
                absl::ToInt64Seconds(kRoom);
  if (options.respect_budget) out += absl::ToInt64Seconds(kBudgetRoom);
  return out;
}

Json Strategy(const PodRestartOptions& options, const Times& times) {
  Json out = Json::object();
  if (options.on_failure == "ignore") out["failurePolicy"] = "Ignore";
  if (options.ordered) out["orderedRecreate"] = true;
  if (options.force) out["forceRecreate"] = true;
  if (times.grace.has_value()) out["terminationGracePeriodSeconds"] = *times.grace;
  if (times.unready.has_value()) out["unreadyGracePeriodSeconds"] = *times.unready;
  if (times.min_started.has_value()) out["minStartedSeconds"] = *times.min_started;
  return out;
}

Json Annotations(const PodRestartOptions& options) {
  Json out = Json::object();
  if (options.method != "auto") out[std::string(api::kAnnotationRestartMethod)] = options.method;
  if (options.skip_pre_stop) out[std::string(api::kAnnotationSkipPreStop)] = "true";
  if (options.respect_budget) out[std::string(api::kAnnotationRespectBudget)] = "true";
  return out;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> PodNames(const PodRestartOptions& options) {
  if (options.pods.empty() && options.selector.empty()) {
    return WrongFlag("POD", "name a pod (pod/NAME), or choose pods by their labels with -l");
  }
  if (!options.pods.empty() && !options.selector.empty()) {
    return WrongFlag("-l", "give names of pods or a selector, not both");
  }
  std::vector<std::string> out;
  for (const std::string& text : options.pods) {
    absl::string_view name = text;
    const bool typed = absl::ConsumePrefix(&name, "pod/") || absl::ConsumePrefix(&name, "pods/") ||
                       absl::ConsumePrefix(&name, "po/");
    if (!typed || !api::IsDns1123Subdomain(name)) {
      const bool bare = api::IsDns1123Subdomain(text);
      return WrongFlag(
          "POD",
          absl::StrCat("\"", PrintableText(text), "\" is not pod/NAME",
                       bare ? absl::StrCat("; write pod/", text) : "",
                       absl::StrContains(name, '/') ? "; the namespace is named with -n" : ""));
    }
    if (std::find(out.begin(), out.end(), name) != out.end()) {
      return WrongFlag("POD", absl::StrCat(text, " is given twice"));
    }
    out.emplace_back(name);
  }
  return out;
}

absl::Status CheckPodRestart(const PodRestartOptions& options) {
  RK_ASSIGN_OR_RETURN(const std::vector<std::string> pods, PodNames(options));
  RK_RETURN_IF_ERROR(CheckContainers(options));
  if (!options.name.empty() && pods.size() != 1) {
    return WrongFlag("--name", "is for one pod; several requests cannot have one name");
  }
  if (!options.name.empty() && !api::IsDns1123Subdomain(options.name)) {
    return WrongFlag("--name", absl::StrCat("\"", PrintableText(options.name),
                                            "\" is no name: lower case letters, digits, - and ."));
  }
  if (!options.selector.empty()) {
    const absl::StatusOr<api::Selector> selector = api::Selector::Parse(options.selector);
    if (!selector.ok()) return Annotate(selector.status(), "-l");
  }
  return ReadTimes(options).status();
}

absl::StatusOr<Json> MakeRecreateRequest(const PodRestartOptions& options, const Json& pod,
                                         const std::string& name, const std::string& batch) {
  RK_ASSIGN_OR_RETURN(const Times times, ReadTimes(options));
  RK_ASSIGN_OR_RETURN(const std::vector<std::string> names, Choose(options, pod));
  Json containers = Json::array();
  for (const std::string& container : names) containers.push_back({{"name", container}});
  Json spec = {
      {"podName", json::String(pod, {"metadata", "name"})},
      {"activeDeadlineSeconds", times.deadline.value_or(DefaultDeadline(
                                    options, times, pod, static_cast<int64_t>(names.size())))},
      {"containers", std::move(containers)}};
  if (times.ttl.has_value()) spec["ttlSecondsAfterFinished"] = *times.ttl;
  if (Json strategy = Strategy(options, times); !strategy.empty()) {
    spec["strategy"] = std::move(strategy);
  }
  Json metadata = {{"name", name}, {"namespace", json::String(pod, {"metadata", "namespace"})}};
  if (Json annotations = Annotations(options); !annotations.empty()) {
    metadata["annotations"] = std::move(annotations);
  }
  if (!batch.empty()) metadata["labels"] = {{kBatchLabel, batch}};
  return Json{{"apiVersion", "apps.kruise.io/v1beta1"},
              {"kind", "ContainerRecreateRequest"},
              {"metadata", std::move(metadata)},
              {"spec", std::move(spec)}};
}

std::string NewRequestName(absl::string_view pod, const std::function<uint32_t()>& random) {
  absl::string_view base = pod.substr(0, kNameWithoutSuffix - kRestart.size());
  // A cut may leave a dot or dash at the end.
  while (!base.empty() && !absl::ascii_isalnum(static_cast<unsigned char>(base.back()))) {
    base.remove_suffix(1);
  }
  return api::GeneratedName(absl::StrCat(base, kRestart), random);
}

}  // namespace rekindle::cli
