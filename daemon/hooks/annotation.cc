#include "daemon/hooks/annotation.h"

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"

namespace rekindle::hooks {
namespace {

using nlohmann::json;

// Far above what the API server lets into a pod's spec for one hook.
constexpr size_t kLongestBytes = 1 << 20;

absl::Status Bad(absl::string_view field, absl::string_view problem) {
  return absl::InvalidArgumentError(
      absl::StrCat(kPreStopHandlerAnnotation, ": ", field, ": ", problem));
}

absl::StatusOr<json> ParseJson(const char* annotation, absl::string_view text) {
  if (text.size() > kLongestBytes) {
    return absl::InvalidArgumentError(absl::StrCat(annotation, ": longer than ", kLongestBytes));
  }
  json parsed = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) {
    return absl::InvalidArgumentError(absl::StrCat(annotation, ": not JSON"));
  }
  return parsed;
}

// A member that is there and not null, else null.
const json* Member(const json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

// A string; empty when the member is missing.
absl::StatusOr<std::string> Text(const json& object, const char* name, absl::string_view field) {
  const json* member = Member(object, name);
  if (member == nullptr) return std::string();
  if (!member->is_string()) return Bad(absl::StrCat(field, ".", name), "not a string");
  return member->get<std::string>();
}

// An integer within the bounds; none when it is something else.
std::optional<int64_t> Integer(const json& value, int64_t least, int64_t most) {
  if (!value.is_number_integer()) return std::nullopt;
  // Unsigned values above the signed range would turn negative.
  if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(most)) {
    return std::nullopt;
  }
  const int64_t number = value.get<int64_t>();
  if (number < least || number > most) return std::nullopt;
  return number;
}

absl::StatusOr<uint16_t> NamedPort(const std::string& name, absl::string_view ports,
                                   absl::string_view field) {
  const std::string quoted = absl::StrCat("\"", absl::CHexEscape(name), "\"");
  if (ports.empty()) {
    return Bad(field, absl::StrCat("the name ", quoted, " needs ", kPortsAnnotation));
  }
  RK_ASSIGN_OR_RETURN(const json list, ParseJson(kPortsAnnotation, ports));
  if (!list.is_array()) {
    return absl::InvalidArgumentError(absl::StrCat(kPortsAnnotation, ": not a list"));
  }
  for (const json& entry : list) {
    if (!entry.is_object()) continue;
    const json* entry_name = Member(entry, "name");
    if (entry_name == nullptr || !entry_name->is_string() ||
        entry_name->get_ref<const std::string&>() != name) {
      continue;
    }
    const json* port = Member(entry, "containerPort");
    const auto number = port == nullptr ? std::nullopt : Integer(*port, 1, 65535);
    if (!number) {
      return absl::InvalidArgumentError(
          absl::StrCat(kPortsAnnotation, ": containerPort of ", quoted, " is not a port"));
    }
    return static_cast<uint16_t>(*number);
  }
  return Bad(field, absl::StrCat("the container has no port named ", quoted));
}

absl::StatusOr<uint16_t> Port(const json& action, absl::string_view kind, absl::string_view ports,
                              std::optional<uint16_t> if_empty) {
  const std::string field = absl::StrCat(kind, ".port");
  const json* port = Member(action, "port");
  if (port == nullptr) return Bad(field, "missing");
  if (port->is_number()) {
    const auto number = Integer(*port, 1, 65535);
    if (!number) return Bad(field, "not within 1 to 65535");
    return static_cast<uint16_t>(*number);
  }
  if (!port->is_string()) return Bad(field, "neither a number nor a name");
  const std::string& name = port->get_ref<const std::string&>();
  if (name.empty()) {
    if (if_empty) return *if_empty;
    return Bad(field, "empty");
  }
  if (name.find_first_not_of("0123456789") != std::string::npos) {
    return NamedPort(name, ports, field);
  }
  uint32_t number = 0;
  if (!absl::SimpleAtoi(name, &number) || number < 1 || number > 65535) {
    return Bad(field, "not within 1 to 65535");
  }
  return static_cast<uint16_t>(number);
}

absl::StatusOr<Handler> ParseExec(const json& action) {
  const json* command = Member(action, "command");
  if (command == nullptr || !command->is_array() || command->empty()) {
    return Bad("exec.command", "not a list with at least one word");
  }
  ExecAction exec;
  for (const json& word : *command) {
    if (!word.is_string()) return Bad("exec.command", "a word is not a string");
    exec.command.push_back(word.get<std::string>());
  }
  return exec;
}

absl::StatusOr<Handler> ParseHttpGet(const json& action, absl::string_view ports) {
  HttpGetAction http;
  RK_ASSIGN_OR_RETURN(http.host, Text(action, "host", "httpGet"));
  RK_ASSIGN_OR_RETURN(http.port, Port(action, "httpGet", ports, uint16_t{80}));
  RK_ASSIGN_OR_RETURN(http.path, Text(action, "path", "httpGet"));
  if (http.path.empty()) http.path = "/";
  RK_ASSIGN_OR_RETURN(const std::string scheme, Text(action, "scheme", "httpGet"));
  http.tls = absl::EqualsIgnoreCase(scheme, "HTTPS");
  if (!http.tls && !scheme.empty() && !absl::EqualsIgnoreCase(scheme, "HTTP")) {
    return Bad("httpGet.scheme", "neither HTTP nor HTTPS");
  }
  const json* headers = Member(action, "httpHeaders");
  if (headers == nullptr) return http;
  if (!headers->is_array()) return Bad("httpGet.httpHeaders", "not a list");
  for (const json& header : *headers) {
    if (!header.is_object()) return Bad("httpGet.httpHeaders", "an entry is not an object");
    RK_ASSIGN_OR_RETURN(std::string name, Text(header, "name", "httpGet.httpHeaders"));
    RK_ASSIGN_OR_RETURN(std::string value, Text(header, "value", "httpGet.httpHeaders"));
    if (name.empty()) return Bad("httpGet.httpHeaders.name", "empty");
    http.headers.emplace_back(std::move(name), std::move(value));
  }
  return http;
}

absl::StatusOr<Handler> ParseTcpSocket(const json& action, absl::string_view ports) {
  TcpSocketAction tcp;
  RK_ASSIGN_OR_RETURN(tcp.host, Text(action, "host", "tcpSocket"));
  RK_ASSIGN_OR_RETURN(tcp.port, Port(action, "tcpSocket", ports, std::nullopt));
  return tcp;
}

absl::StatusOr<Handler> ParseSleep(const json& action) {
  constexpr int64_t kMostSeconds = int64_t{1} << 40;
  const json* seconds = Member(action, "seconds");
  const auto number = seconds == nullptr ? std::nullopt : Integer(*seconds, 0, kMostSeconds);
  if (!number) return Bad("sleep.seconds", "not a whole number of at least 0");
  return SleepAction{absl::Seconds(*number)};
}

}  // namespace

absl::StatusOr<std::optional<Handler>> ParsePreStopHandler(absl::string_view handler,
                                                           absl::string_view ports) {
  if (absl::StripAsciiWhitespace(handler).empty()) return std::nullopt;
  RK_ASSIGN_OR_RETURN(const json parsed, ParseJson(kPreStopHandlerAnnotation, handler));
  if (parsed.is_null()) return std::nullopt;
  if (!parsed.is_object()) return Bad("handler", "not an object");

  const char* kind = nullptr;
  for (const char* candidate : {"exec", "httpGet", "tcpSocket", "sleep"}) {
    const json* action = Member(parsed, candidate);
    if (action == nullptr) continue;
    if (!action->is_object()) return Bad(candidate, "not an object");
    if (kind != nullptr) return Bad("handler", absl::StrCat("both ", kind, " and ", candidate));
    kind = candidate;
  }
  if (kind == nullptr) return Bad("handler", "none of exec, httpGet, tcpSocket, sleep");
  const json& action = parsed[kind];
  const absl::string_view name = kind;
  if (name == "exec") return ParseExec(action);
  if (name == "httpGet") return ParseHttpGet(action, ports);
  if (name == "tcpSocket") return ParseTcpSocket(action, ports);
  return ParseSleep(action);
}

}  // namespace rekindle::hooks
