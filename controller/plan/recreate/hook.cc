#include "controller/plan/recreate/hook.h"

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "common/json/tree.h"

namespace rekindle::plan {
namespace {

// What an empty name of an HTTP hook's port means (node-runtime 3.10).
constexpr uint16_t kHttpPort = 80;

absl::Status Bad(absl::string_view field, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", what));
}

// A text that may be missing.
absl::StatusOr<std::string> Text(const Json& tree, absl::string_view key, absl::string_view field) {
  const Json* value = json::Find(tree, key);
  if (value == nullptr) return std::string();
  if (!value->is_string()) return Bad(absl::StrCat(field, ".", key), "is no text");
  return value->get<std::string>();
}

absl::StatusOr<uint16_t> PortNumber(int64_t number, absl::string_view field) {
  if (number < 1 || number > 65535) {
    return Bad(field, absl::StrCat(number, " is not within 1 to 65535"));
  }
  return static_cast<uint16_t>(number);
}

absl::StatusOr<uint16_t> NamedPort(const Json& container, const std::string& name,
                                   absl::string_view field) {
  int64_t number = 0;
  if (absl::SimpleAtoi(name, &number)) return PortNumber(number, field);
  if (const Json* ports = json::Find(container, "ports"); ports != nullptr && ports->is_array()) {
    for (const Json& port : *ports) {
      if (json::String(port, "name") != name) continue;
      return PortNumber(json::Int(port, "containerPort").value_or(0), field);
    }
  }
  return Bad(field, absl::StrCat("the container has no port named \"", name, "\""));
}

absl::StatusOr<uint16_t> Port(const Json& container, const Json& action, absl::string_view kind,
                              std::optional<uint16_t> if_empty, const std::string& field) {
  const Json* port = json::Find(action, "port");
  if (port == nullptr) return Bad(field, absl::StrCat(kind, " needs it"));
  if (port->is_number_integer()) return PortNumber(port->get<int64_t>(), field);
  if (!port->is_string()) return Bad(field, "is neither a number nor a name");
  const auto& name = port->get_ref<const std::string&>();
  if (name.empty() && if_empty.has_value()) return *if_empty;
  return NamedPort(container, name, field);
}

absl::StatusOr<Hook> ReadExec(const Json& action, const std::string& field) {
  const Json* command = json::Find(action, "command");
  if (command == nullptr || !command->is_array() || command->empty()) {
    return Bad(absl::StrCat(field, ".command"), "has no word");
  }
  ExecHook hook;
  for (const Json& word : *command) {
    if (!word.is_string())
      return Bad(absl::StrCat(field, ".command"), "has a word that is no text");
    hook.command.push_back(word.get<std::string>());
  }
  return hook;
}

absl::StatusOr<Hook> ReadHttpGet(const Json& container, const Json& action,
                                 const std::string& field) {
  HttpGetHook hook;
  RK_ASSIGN_OR_RETURN(hook.host, Text(action, "host", field));
  RK_ASSIGN_OR_RETURN(hook.port,
                      Port(container, action, "httpGet", kHttpPort, absl::StrCat(field, ".port")));
  RK_ASSIGN_OR_RETURN(hook.path, Text(action, "path", field));
  if (hook.path.empty() || hook.path[0] != '/') hook.path.insert(0, "/");
  RK_ASSIGN_OR_RETURN(const std::string scheme, Text(action, "scheme", field));
  if (!scheme.empty() && scheme != "HTTP" && scheme != "HTTPS") {
    return Bad(absl::StrCat(field, ".scheme"),
               absl::StrCat("\"", scheme, "\" is neither HTTP nor HTTPS"));
  }
  hook.https = scheme == "HTTPS";
  const Json* headers = json::Find(action, "httpHeaders");
  if (headers == nullptr) return hook;
  const std::string at = absl::StrCat(field, ".httpHeaders");
  if (!headers->is_array()) return Bad(at, "is no list");
  for (const Json& header : *headers) {
    RK_ASSIGN_OR_RETURN(std::string name, Text(header, "name", at));
    RK_ASSIGN_OR_RETURN(std::string value, Text(header, "value", at));
    if (name.empty()) return Bad(at, "an entry has no name");
    hook.headers.emplace_back(std::move(name), std::move(value));
  }
  return hook;
}

absl::StatusOr<Hook> ReadTcpSocket(const Json& container, const Json& action,
                                   const std::string& field) {
  TcpSocketHook hook;
  RK_ASSIGN_OR_RETURN(hook.host, Text(action, "host", field));
  RK_ASSIGN_OR_RETURN(
      hook.port, Port(container, action, "tcpSocket", std::nullopt, absl::StrCat(field, ".port")));
  return hook;
}

absl::StatusOr<Hook> ReadSleep(const Json& action, const std::string& field) {
  const std::optional<int64_t> seconds = json::Int(action, "seconds");
  if (!seconds.has_value() || *seconds < 0) {
    return Bad(absl::StrCat(field, ".seconds"), "is no whole number from 0 on");
  }
  return SleepHook{absl::Seconds(*seconds)};
}

}  // namespace

absl::StatusOr<std::optional<Hook>> ReadHook(const Json& container, absl::string_view which,
                                             absl::string_view field) {
  const Json* handler = json::Find(container, {"lifecycle", which});
  if (handler == nullptr) return std::nullopt;
  const std::string path = absl::StrCat(field, ".lifecycle.", which);
  absl::string_view kind;
  for (const absl::string_view candidate : {"exec", "httpGet", "tcpSocket", "sleep"}) {
    if (json::Find(*handler, candidate) == nullptr) continue;
    if (!kind.empty()) return Bad(path, absl::StrCat("has both ", kind, " and ", candidate));
    kind = candidate;
  }
  if (kind.empty()) return Bad(path, "has none of exec, httpGet, tcpSocket, sleep");
  const Json& action = *json::Find(*handler, kind);
  const std::string at = absl::StrCat(path, ".", kind);
  if (!action.is_object()) return Bad(at, "is no object");
  if (kind == "exec") return ReadExec(action, at);
  if (kind == "httpGet") return ReadHttpGet(container, action, at);
  if (kind == "tcpSocket") return ReadTcpSocket(container, action, at);
  return ReadSleep(action, at);
}

}  // namespace rekindle::plan
