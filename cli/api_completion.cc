#include "cli/api_completion.h"

#include <algorithm>
#include <memory>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/api_errors.h"
#include "cli/api_session.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"

namespace rekindle::cli {
namespace {

// The path of a command: "get restarts".
std::string PathOf(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr || parent->get_parent() == nullptr
             ? command.get_name()
             : absl::StrCat(parent->get_name(), " ", command.get_name());
}

std::vector<std::string> NamesOf(ApiSession& session, const client::Collection& collection) {
  std::vector<std::string> out;
  const auto all = session.List(collection);
  if (!all.ok()) return out;
  for (const ObjectPtr& one : *all) {
    out.emplace_back(json::String(*one, {"metadata", "name"}));
  }
  return out;
}

std::vector<std::string> Pods(ApiSession& session) {
  return NamesOf(session, {.resource = client::PodResource(), .name_space = session.name_space()});
}

std::vector<std::string> Containers(ApiSession& session, absl::string_view pod) {
  std::vector<std::string> out;
  absl::ConsumePrefix(&pod, "pod/");
  const auto object = session.Get(
      {.resource = client::PodResource(), .key = {session.name_space(), std::string(pod)}});
  if (!object.ok()) return out;
  const Json* containers = json::Find(*object, {"spec", "containers"});
  if (containers == nullptr || !containers->is_array()) return out;
  for (const Json& one : *containers) out.emplace_back(json::String(one, "name"));
  return out;
}

}  // namespace

bool IsOfApi(const CLI::App& command) {
  const std::string path = PathOf(command);
  return path == "restart" || path == "get restarts" || path == "describe restart";
}

std::vector<std::string> ApiCandidates(const CLI::App& command,
                                       const std::map<std::string, std::string>& values,
                                       const std::vector<std::string>& positionals,
                                       const std::string& option, const Io& io) {
  const auto value = [&](const char* name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  };
  std::ostringstream nowhere;
  Io quiet{.out = nowhere,
           .err = nowhere,
           .in = io.in,
           .getenv = io.getenv,
           .now = io.now,
           .new_request_id = io.new_request_id,
           .random = io.random,
           .interrupted = io.interrupted};
  const absl::StatusOr<std::unique_ptr<ApiSession>> session =
      ApiSession::Open({.kubeconfig = value("--kubeconfig"),
                        .context = value("--context"),
                        .name_space = value("--namespace"),
                        .timeout = "1s"},
                       quiet);
  if (!session.ok()) return {};
  if (option == "--namespace") {
    return NamesOf(**session, {.resource = client::NamespaceResource()});
  }
  if (option == "--pod") return Pods(**session);
  if (option == "--container") {
    return positionals.empty() ? std::vector<std::string>() : Containers(**session, positionals[0]);
  }
  if (!option.empty()) return {};
  if (PathOf(command) == "restart") {
    std::vector<std::string> names = Pods(**session);
    for (std::string& name : names) name = absl::StrCat("pod/", name);
    std::erase_if(names, [&](const std::string& name) {
      return std::find(positionals.begin(), positionals.end(), name) != positionals.end();
    });
    return names;
  }
  if (!positionals.empty()) return {};
  return NamesOf(**session,
                 {.resource = RecreateResource(), .name_space = (*session)->name_space()});
}

}  // namespace rekindle::cli
