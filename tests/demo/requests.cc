#include "tests/demo/requests.h"

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "tests/bed/process.h"
#include "tests/demo/say.h"

namespace rekindle::demo {
namespace {

using bare_metal::Json;

std::string Yaml(const Wish& wish) {
  std::string annotations;
  if (!wish.method.empty()) {
    annotations = absl::StrCat("  annotations:\n    rekindle.io/method: ", wish.method, "\n");
  }
  return absl::StrCat(
      "apiVersion: apps.kruise.io/v1beta1\n"
      "kind: ContainerRecreateRequest\n"
      "metadata:\n"
      "  name: ",
      wish.name, "\n  namespace: ", kNamespace, "\n", annotations,
      "spec:\n"
      "  podName: ",
      wish.pod,
      "\n"
      "  containers:\n"
      "  - name: ",
      wish.container, "\n");
}

// "Recreating  web: Recreating (the old one is stopped)", or an empty text while nothing is said.
std::string Progress(const Json& request) {
  const Json status = request.value("status", Json::object());
  std::string out = status.value("phase", "");
  for (const Json& state : status.value("containerRecreateStates", Json::array())) {
    absl::StrAppend(&out,
                    absl::StrFormat("%*s", std::max(0, 12 - static_cast<int>(out.size())), ""),
                    state.value("name", ""), ": ", state.value("phase", ""),
                    state.value("isKilled", false) ? " (the old one is stopped)" : "");
  }
  if (const std::string message = status.value("message", ""); !message.empty()) {
    absl::StrAppend(&out, "  ", message);
  }
  return out;
}

}  // namespace

Requests::Requests(Options options)
    : options_(std::move(options)),
      api_(options_.endpoint),
      watch_(options_.endpoint, bare_metal::RequestPath(kNamespace)) {}

std::vector<std::string> Requests::KubectlWords() const {
  return {options_.kubectl, "--kubeconfig", options_.kubeconfig, "--cache-dir",
          options_.dir + "/kubectl"};
}

std::string Requests::Kubectl(const std::vector<std::string>& arguments) const {
  Say(absl::StrCat("$ kubectl ", absl::StrJoin(arguments, " ")));
  std::vector<std::string> words = KubectlWords();
  words.insert(words.end(), arguments.begin(), arguments.end());
  const absl::StatusOr<std::string> output = bed::RunCommand(words, options_.limit);
  return output.ok() ? *output : std::string(output.status().message());
}

absl::Status Requests::Follow(const std::string& name, bool print) {
  absl::Time begin = absl::InfinitePast();
  std::string last;
  const bool ended = watch_.Await(
      name,
      [&](const Json& now) {
        if (now.is_null()) return false;
        if (begin == absl::InfinitePast()) begin = absl::Now();
        const std::string line = Progress(now);
        if (print && line != last) {
          Say(absl::StrFormat("%8.0f ms  %s", Millis(absl::Now() - begin), line));
        }
        last = line;
        return now.value("status", Json::object()).value("phase", "") == "Completed";
      },
      options_.limit);
  if (!ended) {
    return absl::DeadlineExceededError(absl::StrCat("request ", name, " did not end: ", last));
  }
  const Json status = watch_.Newest(name)["status"];
  const Json states = status.value("containerRecreateStates", Json::array());
  const bool good = std::all_of(states.begin(), states.end(), [](const Json& state) {
    return state.value("phase", "") == "Succeeded";
  });
  if (good && !states.empty()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("request ", name, ": ", status.dump()));
}

absl::Status Requests::Apply(const Wish& wish) {
  const std::string text = Yaml(wish);
  Indented(text);
  if (!has_kubectl()) {
    Say(absl::StrCat("$ curl --data-binary @", wish.name, ".yaml ",
                     bare_metal::RequestPath(kNamespace)));
    RK_RETURN_IF_ERROR(api_.CreateYaml(bare_metal::RequestPath(kNamespace), text).status());
    return Follow(wish.name, true);
  }
  const std::string file = absl::StrCat(options_.dir, "/", wish.name, ".yaml");
  RK_RETURN_IF_ERROR(bed::WriteFile(file, text));
  Say(absl::StrCat("$ kubectl apply -f ", wish.name, ".yaml"));
  std::vector<std::string> words = KubectlWords();
  words.insert(words.end(), {"apply", "-f", file});
  // Beside the watch: the restart is nearly over when kubectl has ended.
  absl::Status applied;
  std::thread kubectl([&] { applied = bed::RunCommand(words, options_.limit).status(); });
  const absl::Status followed = Follow(wish.name, true);
  kubectl.join();
  RK_RETURN_IF_ERROR(applied);
  return followed;
}

absl::StatusOr<double> Requests::Send(const Wish& wish) {
  const absl::Time sent = absl::Now();
  RK_RETURN_IF_ERROR(api_.CreateYaml(bare_metal::RequestPath(kNamespace), Yaml(wish)).status());
  RK_RETURN_IF_ERROR(Follow(wish.name, false));
  return Millis(absl::Now() - sent);
}

absl::Status Requests::ShowEvents(const std::string& name) {
  Json events;
  // They are written a moment later.
  const bool told = bed::WaitUntil(
      [&] {
        const auto list = api_.Get(bare_metal::EventPath(kNamespace) +
                                   "?fieldSelector=involvedObject.name=" + name);
        events = list.ok() ? (*list)["items"] : Json::array();
        return std::any_of(events.begin(), events.end(),
                           [](const Json& event) { return event["reason"] == "Restarted"; });
      },
      options_.limit);
  for (const Json& event : events) {
    Indented(absl::StrCat("event ", event.value("reason", ""), ": ", event.value("message", "")));
  }
  if (!told) return absl::DeadlineExceededError("no event tells of the restart");
  return absl::OkStatus();
}

}  // namespace rekindle::demo
