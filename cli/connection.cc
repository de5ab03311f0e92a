#include "cli/connection.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "common/base/status_macros.h"
#include "common/base/text.h"

namespace rekindle::cli {
namespace {

constexpr int kLargestReplyBytes = 64 << 20;  // 5,000 operations with their history, with room
// gRPC gives one try to connect, TLS handshake included, as long as its "minimal back-off": several
// round trips to another continent, on a machine that is busy. A refusal is known at once.
constexpr int kConnectMs = 10'000;
constexpr int kMaxReconnectMs = 1000;  // a person waits; the default of 120 s is for servers

absl::StatusOr<std::string> ReadPem(const std::string& flag, const std::string& path) {
  if (path.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(flag, " is required with --address"));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return absl::UnavailableError(absl::StrCat(flag, ": ", path, ": ", std::strerror(errno)));
  }
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (text.empty()) return absl::UnavailableError(absl::StrCat(flag, ": ", path, ": is empty"));
  return text;
}

// What stands in the way of connecting to a Unix socket; 0: nothing.
int SocketError(const std::string& path) {
  sockaddr_un address{};
  if (path.size() >= sizeof(address.sun_path)) return ENAMETOOLONG;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  const int result = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  const int error = result == 0 || errno == EAGAIN ? 0 : errno;
  close(fd);
  return error;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const Target& target) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kLargestReplyBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectMs);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kMaxReconnectMs / 10);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectMs);
  if (target.address.empty()) {
    // The authority is never looked up; a fixed one keeps odd socket paths out of HTTP headers.
    arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
    return grpc::CreateCustomChannel(absl::StrCat("unix:", target.socket),
                                     grpc::InsecureChannelCredentials(), arguments);
  }
  grpc::SslCredentialsOptions tls;
  RK_ASSIGN_OR_RETURN(tls.pem_cert_chain, ReadPem("--tls-cert", target.tls_cert));
  RK_ASSIGN_OR_RETURN(tls.pem_private_key, ReadPem("--tls-key", target.tls_key));
  RK_ASSIGN_OR_RETURN(tls.pem_root_certs, ReadPem("--tls-ca", target.tls_ca));
  if (!target.tls_server_name.empty()) {
    arguments.SetSslTargetNameOverride(target.tls_server_name);
  }
  return grpc::CreateCustomChannel(target.address, grpc::SslCredentials(tls), arguments);
}

ExitCode ExitCodeFor(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return kExitUsage;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kResourceExhausted:
      return kExitRefused;
    case absl::StatusCode::kUnavailable:
      return kExitUnreachable;
    case absl::StatusCode::kDeadlineExceeded:
      return kExitTimedOut;
    case absl::StatusCode::kCancelled:
      return kExitInterrupted;
    default:
      return kExitFailed;
  }
}

std::string Explain(const absl::Status& status, const Target& target) {
  std::string message = PrintableText(std::string(status.message()));
  if (absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status)) {
    return absl::StrCat("not permitted: ", message,
                        target.address.empty() ? "\nRun it as root, or as a member of the daemon's "
                                                 "socket_group (rekindle, unless it is set)."
                                               : "");
  }
  if (!absl::IsUnavailable(status) || !target.address.empty()) return message;
  switch (const int error = SocketError(target.socket)) {
    case 0:
      return message;
    case EACCES:
    case EPERM:
      return absl::StrCat("no permission to use ", target.socket,
                          ": run it as root, or as a member of the daemon's socket_group "
                          "(rekindle, unless it is set)");
    case ENOENT:
    case ECONNREFUSED:
      return absl::StrCat("the daemon does not run: ",
                          error == ENOENT ? "there is no socket " : "nobody answers on ",
                          target.socket,
                          "\nStart it with \"systemctl start rekindled\", or name its socket with "
                          "--socket or REKINDLE_SOCKET.");
    default:
      return absl::StrCat(target.socket, ": ", std::strerror(error));
  }
}

}  // namespace rekindle::cli
