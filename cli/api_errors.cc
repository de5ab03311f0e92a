#include "cli/api_errors.h"

#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/connection.h"

#include "common/api/status.h"
#include "common/base/text.h"

namespace rekindle::cli {
namespace {

std::string Place(const ApiAttempt& attempt) {
  return attempt.name_space.empty() ? "in all namespaces"
                                    : absl::StrCat("in namespace ", attempt.name_space);
}

// An unknown group or version is a 404 that names no object; so is an unknown kind.
bool IsUnknownKind(const api::ApiError& error, const ApiAttempt& attempt) {
  return error.code == 404 && !attempt.resource.group.empty() &&
         (error.name.empty() || absl::StrContains(error.message,
                                                  "the server could not find the "
                                                  "requested resource"));
}

}  // namespace

client::ApiResource RecreateResource() {
  return {"apps.kruise.io", "v1beta1", "containerrecreaterequests", "ContainerRecreateRequest"};
}

absl::Status AsUnreachable(const absl::Status& status) {
  if (absl::IsFailedPrecondition(status) && !api::FromStatus(status).has_value()) {
    return absl::UnavailableError(status.message());
  }
  return status;
}

bool MayPass(const absl::Status& status) {
  return !absl::IsPermissionDenied(status) && !absl::IsUnauthenticated(status) &&
         !absl::IsNotFound(status) && !absl::IsInvalidArgument(status);
}

absl::Status ExplainApi(const absl::Status& status, const ApiAttempt& attempt,
                        const client::ClientConfig& config) {
  const std::string kind = api::QualifiedName(attempt.resource.plural, attempt.resource.group);
  const std::optional<api::ApiError> error = api::FromStatus(status);
  if (absl::IsUnavailable(status) && (!error.has_value() || error->code == 503)) {
    return absl::UnavailableError(absl::StrCat("the API server ", config.cluster.server, " (",
                                               config.source,
                                               ") cannot be reached: ", status.message()));
  }
  if (absl::IsDeadlineExceeded(status)) {
    return absl::DeadlineExceededError(absl::StrCat("the API server ", config.cluster.server,
                                                    " did not answer in time: ", status.message()));
  }
  if (!error.has_value()) return status;
  if (error->code == 401) {
    return absl::UnauthenticatedError(absl::StrCat("the API server ", config.cluster.server,
                                                   " does not accept the credentials of ",
                                                   config.source, ": ", error->message));
  }
  if (error->code == 403 && absl::StrContains(error->message, " cannot ")) {
    return absl::PermissionDeniedError(
        absl::StrCat(error->message, "\nThe right to ", attempt.verb, " ", kind, " ",
                     Place(attempt), " is missing; who administers the cluster can grant it."));
  }
  if (IsUnknownKind(*error, attempt)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the API server ", config.cluster.server, " does not know ", kind, " (",
        attempt.resource.ApiVersion(),
        "): its definition is not installed\nInstall it from Rekindle's files with: kubectl apply "
        "-k deploy/crds"));
  }
  const bool refused = error->code == 400 || error->code == 403;
  if (attempt.verb == "create" && refused) {
    return absl::FailedPreconditionError(absl::StrCat("refused: ", error->message));
  }
  if (attempt.verb == "create" && absl::StrContains(error->message, "failed calling webhook")) {
    return absl::InternalError(absl::StrCat(
        error->message, "\nrekindle-controller answers this webhook: look whether it runs."));
  }
  return status;
}

int FailApi(const absl::Status& status, const Io& io) {
  if (io.interrupted.load()) {
    io.err << "interrupted\n";
    return kExitInterrupted;
  }
  // Line by line: what others wrote is made printable, our line breaks stay.
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(status.message(), '\n')) {
    lines.push_back(PrintableText(line));
  }
  io.err << "error: " << absl::StrJoin(lines, "\n") << "\n";
  return ExitCodeFor(status);
}

}  // namespace rekindle::cli
