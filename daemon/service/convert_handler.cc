#include "daemon/service/convert_handler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "daemon/service/constants.h"
#include "daemon/service/fields.h"

namespace rekindle::service {

namespace v1 = ::rekindle::node::v1;

namespace {

absl::StatusOr<hooks::ExecAction> ToExec(const std::string& field, const v1::ExecAction& wire) {
  const std::string command = absl::StrCat(field, ".command");
  if (wire.command().empty()) return BadField(command, "must hold at least one word");
  if (wire.command_size() > static_cast<int>(kMaxCommandWords)) {
    return BadField(command, absl::StrCat("must not hold more than ", kMaxCommandWords, " words"));
  }
  if (wire.command(0).empty()) return BadField(absl::StrCat(command, "[0]"), "must not be empty");
  hooks::ExecAction action;
  for (int i = 0; i < wire.command_size(); ++i) {
    RK_RETURN_IF_ERROR(
        CheckText(absl::StrCat(command, "[", i, "]"), wire.command(i), kMaxString - 1));
    action.command.push_back(wire.command(i));
  }
  return action;
}

// A host name or address in the form a URL or connect call takes; empty is fine.
absl::Status CheckHost(const std::string& field, const std::string& host) {
  if (host.empty()) return absl::OkStatus();
  return CheckToken(field, host, ".-:[]_%", kMaxName);
}

// Nothing that could end the request line or a header line early.
bool IsVisible(char c) { return c > ' ' && c != 0x7F; }
bool IsHeaderValueChar(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= ' ' && byte != 0x7F);
}

absl::Status CheckHeader(const std::string& field, const v1::Header& header) {
  RK_RETURN_IF_ERROR(
      CheckToken(absl::StrCat(field, ".name"), header.name(), "!#$%&'*+-.^_`|~", kMaxName));
  const std::string value = absl::StrCat(field, ".value");
  RK_RETURN_IF_ERROR(CheckText(value, header.value(), kMaxPath));
  if (!std::all_of(header.value().begin(), header.value().end(), IsHeaderValueChar)) {
    return BadField(value, "must not hold control characters");
  }
  return absl::OkStatus();
}

absl::StatusOr<hooks::HttpGetAction> ToHttpGet(const std::string& field,
                                               const v1::HttpGetAction& wire) {
  hooks::HttpGetAction action;
  RK_RETURN_IF_ERROR(CheckHost(absl::StrCat(field, ".host"), wire.host()));
  action.host = wire.host();
  RK_ASSIGN_OR_RETURN(action.port, CheckPort(absl::StrCat(field, ".port"), wire.port()));
  if (!wire.path().empty()) {
    const std::string path = absl::StrCat(field, ".path");
    RK_RETURN_IF_ERROR(CheckText(path, wire.path(), kMaxPath));
    if (wire.path().front() != '/') return BadField(path, "must begin with \"/\"");
    if (!std::all_of(wire.path().begin(), wire.path().end(), IsVisible)) {
      return BadField(path, "must not hold spaces, control characters or bytes above 0x7E");
    }
    action.path = wire.path();
  }
  if (wire.scheme() == "HTTPS") {
    action.tls = true;
  } else if (!wire.scheme().empty() && wire.scheme() != "HTTP") {
    return BadField(absl::StrCat(field, ".scheme"), "must be \"HTTP\" or \"HTTPS\"");
  }
  if (wire.headers_size() > static_cast<int>(kMaxHeaders)) {
    return BadField(absl::StrCat(field, ".headers"),
                    absl::StrCat("must not hold more than ", kMaxHeaders));
  }
  for (int i = 0; i < wire.headers_size(); ++i) {
    RK_RETURN_IF_ERROR(CheckHeader(absl::StrCat(field, ".headers[", i, "]"), wire.headers(i)));
    action.headers.emplace_back(wire.headers(i).name(), wire.headers(i).value());
  }
  return action;
}

absl::StatusOr<hooks::TcpSocketAction> ToTcpSocket(const std::string& field,
                                                   const v1::TcpSocketAction& wire) {
  hooks::TcpSocketAction action;
  RK_RETURN_IF_ERROR(CheckHost(absl::StrCat(field, ".host"), wire.host()));
  action.host = wire.host();
  RK_ASSIGN_OR_RETURN(action.port, CheckPort(absl::StrCat(field, ".port"), wire.port()));
  return action;
}

absl::StatusOr<hooks::SleepAction> ToSleep(const std::string& field, const v1::SleepAction& wire) {
  const std::string duration = absl::StrCat(field, ".duration");
  if (!wire.has_duration()) return BadField(duration, "must be given");
  hooks::SleepAction action;
  RK_ASSIGN_OR_RETURN(action.duration,
                      CheckDuration(duration, wire.duration(), absl::ZeroDuration()));
  return action;
}

template <typename Action>
absl::StatusOr<hooks::Handler> AsHandler(absl::StatusOr<Action> action) {
  if (!action.ok()) return action.status();
  return hooks::Handler(*std::move(action));
}

}  // namespace

absl::StatusOr<hooks::Handler> ToHandler(const std::string& field, const v1::Handler& wire) {
  switch (wire.action_case()) {
    case v1::Handler::kExec:
      return AsHandler(ToExec(absl::StrCat(field, ".exec"), wire.exec()));
    case v1::Handler::kHttpGet:
      return AsHandler(ToHttpGet(absl::StrCat(field, ".http_get"), wire.http_get()));
    case v1::Handler::kTcpSocket:
      return AsHandler(ToTcpSocket(absl::StrCat(field, ".tcp_socket"), wire.tcp_socket()));
    case v1::Handler::kSleep:
      return AsHandler(ToSleep(absl::StrCat(field, ".sleep"), wire.sleep()));
    case v1::Handler::ACTION_NOT_SET:
      break;
  }
  return BadField(field, "must set one of exec, http_get, tcp_socket, sleep");
}

absl::StatusOr<restart::ReadyCheck> ToReadyCheck(const std::string& field,
                                                 const v1::ReadyCheck& wire) {
  const std::string handler = absl::StrCat(field, ".handler");
  restart::ReadyCheck check;
  RK_ASSIGN_OR_RETURN(check.handler, ToHandler(handler, wire.handler()));
  if (std::holds_alternative<hooks::SleepAction>(check.handler)) {
    return BadField(handler, "must be one of exec, http_get, tcp_socket: a sleep proves nothing");
  }
  if (wire.has_period()) {
    RK_ASSIGN_OR_RETURN(check.period, CheckDuration(absl::StrCat(field, ".period"), wire.period(),
                                                    kMinCheckPeriod));
  }
  if (wire.has_timeout()) {
    RK_ASSIGN_OR_RETURN(check.timeout, CheckDuration(absl::StrCat(field, ".timeout"),
                                                     wire.timeout(), kMinCheckPeriod));
  }
  if (wire.success_threshold() > kMaxSuccessThreshold) {
    return BadField(absl::StrCat(field, ".success_threshold"),
                    absl::StrCat("must not exceed ", kMaxSuccessThreshold));
  }
  if (wire.success_threshold() != 0) check.success_threshold = wire.success_threshold();
  return check;
}

}  // namespace rekindle::service
