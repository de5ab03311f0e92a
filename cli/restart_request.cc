#include "cli/restart_request.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/output.h"
#include "cli/session.h"

#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "common/base/text.h"

namespace rekindle::cli {
namespace {

// Sets a duration field when the flag was given.
template <typename Setter>
absl::Status SetDuration(absl::string_view flag, const std::string& text, Setter set) {
  if (text.empty()) return absl::OkStatus();
  const auto duration = ParseDurationText(text);
  if (!duration.ok()) return Annotate(duration.status(), flag);
  *set() = ToProto(*duration);
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> ParsePort(absl::string_view flag, absl::string_view text) {
  const auto port = ParseNumberText(text, 1, 65535);
  if (!port.ok()) return Annotate(port.status(), flag);
  return static_cast<uint32_t>(*port);
}

absl::Status SetReadyCheck(const RestartOptions& options, v1::ContainerRestart& restart) {
  const int given =
      !options.ready_tcp.empty() + !options.ready_http.empty() + !options.ready_exec.empty();
  if (given == 0) return absl::OkStatus();
  if (given > 1) return WrongFlag("--ready-tcp, --ready-http, --ready-exec", "give only one");
  if (options.method != "hot") {
    return WrongFlag("--ready-*", "a ready check needs --method hot; otherwise use --min-started");
  }
  v1::Handler& handler = *restart.mutable_ready_check()->mutable_handler();
  if (!options.ready_tcp.empty()) {
    RK_ASSIGN_OR_RETURN(const uint32_t port, ParsePort("--ready-tcp", options.ready_tcp));
    handler.mutable_tcp_socket()->set_port(port);
  } else if (!options.ready_http.empty()) {
    const size_t slash = options.ready_http.find('/');
    RK_ASSIGN_OR_RETURN(const uint32_t port,
                        ParsePort("--ready-http", options.ready_http.substr(0, slash)));
    handler.mutable_http_get()->set_port(port);
    handler.mutable_http_get()->set_path(
        slash == std::string::npos ? "/" : options.ready_http.substr(slash));
  } else {
    const auto command = SplitCommand(options.ready_exec);
    if (!command.ok()) return Annotate(command.status(), "--ready-exec");
    if (command->empty()) return WrongFlag("--ready-exec", "the command is empty");
    for (const std::string& word : *command) handler.mutable_exec()->add_command(word);
  }
  return absl::OkStatus();
}

absl::Status SetEnv(const RestartOptions& options, v1::ContainerRestart& restart) {
  std::set<std::string> names;
  for (const std::string& entry : options.env) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) {
      return WrongFlag("--env", absl::StrCat("\"", PrintableText(entry), "\" is not NAME=VALUE"));
    }
    v1::EnvVar& variable = *restart.add_env();
    variable.set_name(entry.substr(0, equals));
    variable.set_value(entry.substr(equals + 1));
    if (!names.insert(variable.name()).second) {
      return WrongFlag("--env", absl::StrCat(PrintableText(variable.name()), " is given twice"));
    }
  }
  for (const std::string& name : options.unset_env) {
    if (name.empty() || name.find('=') != std::string::npos) {
      return WrongFlag("--unset-env", absl::StrCat("\"", PrintableText(name), "\" is not a name"));
    }
    if (!names.insert(name).second) {
      return WrongFlag("--unset-env",
                       absl::StrCat(PrintableText(name), " is set or unset already"));
    }
    restart.add_unset_env(name);
  }
  return absl::OkStatus();
}

// What the flags say for every container alike.
absl::StatusOr<v1::ContainerRestart> BuildContainer(const RestartOptions& options) {
  v1::ContainerRestart restart;
  restart.set_method(options.method == "hot"        ? v1::METHOD_HOT
                     : options.method == "replace"  ? v1::METHOD_REPLACE
                     : options.method == "delegate" ? v1::METHOD_DELEGATE
                                                    : v1::METHOD_AUTO);
  restart.set_skip_pre_stop(options.skip_pre_stop);
  RK_RETURN_IF_ERROR(
      SetDuration("--grace", options.grace, [&] { return restart.mutable_grace(); }));
  RK_RETURN_IF_ERROR(SetDuration("--min-started", options.min_started,
                                 [&] { return restart.mutable_min_started(); }));
  RK_RETURN_IF_ERROR(SetReadyCheck(options, restart));
  RK_RETURN_IF_ERROR(SetEnv(options, restart));
  return restart;
}

void AddContainer(const v1::ContainerRestart& like, const std::string& name,
                  v1::RestartContainersRequest& request) {
  v1::ContainerRestart& restart = *request.add_containers();
  restart = like;
  restart.set_name(name);
}

// "ID" for the only container, or "NAME=ID".
absl::Status ApplyExpectedIds(const std::vector<std::string>& expect_ids,
                              v1::RestartContainersRequest& request) {
  for (const std::string& entry : expect_ids) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos && request.containers_size() > 1) {
      return WrongFlag("--expect-id", "with several containers write NAME=ID");
    }
    const std::string name =
        equals == std::string::npos ? request.containers(0).name() : entry.substr(0, equals);
    const std::string id = equals == std::string::npos ? entry : entry.substr(equals + 1);
    auto* containers = request.mutable_containers();
    const auto it = std::find_if(containers->begin(), containers->end(),
                                 [&](const auto& restart) { return restart.name() == name; });
    if (it == containers->end()) {
      return WrongFlag("--expect-id", absl::StrCat("container \"", PrintableText(name),
                                                   "\" is not being restarted"));
    }
    if (id.empty()) return WrongFlag("--expect-id", "the ID is empty");
    if (!it->expected_container_id().empty()) {
      return WrongFlag("--expect-id", absl::StrCat(PrintableText(name), " is given twice"));
    }
    it->set_expected_container_id(id);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::RestartContainersRequest> BuildRestart(const RestartOptions& options,
                                                          const std::string& new_id) {
  v1::RestartContainersRequest request;
  RK_ASSIGN_OR_RETURN(*request.mutable_pod(), ParsePod(options.pod));
  request.set_request_id(options.request_id.empty() ? new_id : options.request_id);
  request.set_order(options.ordered ? v1::ORDER_LISTED : v1::ORDER_PARALLEL);
  request.set_failure_policy(options.on_failure == "ignore" ? v1::FAILURE_POLICY_IGNORE
                                                            : v1::FAILURE_POLICY_FAIL);
  request.set_force(options.force);
  RK_RETURN_IF_ERROR(SetDuration("--unready-grace", options.unready_grace,
                                 [&] { return request.mutable_unready_grace(); }));
  RK_RETURN_IF_ERROR(
      SetDuration("--deadline", options.deadline, [&] { return request.mutable_deadline(); }));
  RK_ASSIGN_OR_RETURN(const v1::ContainerRestart like, BuildContainer(options));
  RK_RETURN_IF_ERROR(CheckContainers(options));
  for (const std::string& name : options.containers) AddContainer(like, name, request);
  if (!options.containers.empty()) {
    RK_RETURN_IF_ERROR(ApplyExpectedIds(options.expect_ids, request));
  }
  return request;
}

absl::Status ChooseContainers(const RestartOptions& options, const v1::ListPodsResponse& pods,
                              v1::RestartContainersRequest& request) {
  if (pods.pods().empty()) {
    return absl::NotFoundError(
        absl::StrCat("POD: no pod ", PodName(request.pod()), " runs on this node"));
  }
  std::vector<std::string> names;
  for (const v1::Pod& pod : pods.pods()) {
    for (const v1::Container& container : pod.containers()) {
      if (std::find(names.begin(), names.end(), container.name()) == names.end()) {
        names.push_back(container.name());
      }
    }
  }
  if (names.empty()) {
    return absl::NotFoundError(absl::StrCat("POD: ", PodName(request.pod()),
                                            " has no running container; --force restarts exited "
                                            "ones"));
  }
  if (names.size() > 1 && !options.all) {
    return absl::InvalidArgumentError(
        absl::StrCat("POD: ", PodName(request.pod()), " has several containers (",
                     PrintableText(absl::StrJoin(names, ", ")),
                     "); name them with -c NAME, or restart all with --all"));
  }
  return NameContainers(options, names, request);
}

absl::Status NameContainers(const RestartOptions& options, const std::vector<std::string>& names,
                            v1::RestartContainersRequest& request) {
  RK_ASSIGN_OR_RETURN(const v1::ContainerRestart like, BuildContainer(options));
  for (const std::string& name : names) AddContainer(like, name, request);
  return ApplyExpectedIds(options.expect_ids, request);
}

absl::StatusOr<std::vector<std::string>> SplitCommand(absl::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      word.push_back(text[++i]);
      in_word = true;
    } else if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        word.push_back(c);
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t' || c == '\n') {
      if (in_word) words.push_back(std::exchange(word, ""));
      in_word = false;
    } else {
      word.push_back(c);
      in_word = true;
    }
  }
  if (quote != '\0') return absl::InvalidArgumentError("a quote is not closed");
  if (in_word) words.push_back(word);
  return words;
}

}  // namespace rekindle::cli
