#include "controller/app/commands.h"

#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "controller/apiserver/pki/pki.h"
#include "controller/apiserver/store/backup.h"

namespace rekindle {
namespace {

using Action = ControllerCommandLine::Action;

// What the admin's kubeconfig says.
absl::StatusOr<std::string> AdminServer(const std::string& data_dir) {
  std::ifstream in(data_dir + "/admin.kubeconfig", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  static constexpr absl::string_view kKey = "server: ";
  const size_t at = text.find(std::string(kKey));
  if (at == std::string::npos) {
    return absl::NotFoundError(absl::StrCat(
        data_dir, " has no admin.kubeconfig yet; start the server once or give --server"));
  }
  const size_t from = at + kKey.size();
  return text.substr(from, text.find('\n', from) - from);
}

absl::StatusOr<std::string> PrintKubeconfig(const ControllerCommandLine& line, absl::Time now) {
  RK_ASSIGN_OR_RETURN(const apiserver::KeyPair authority,
                      apiserver::ReadAuthority(PkiDirectory(line.embedded.data_dir)));
  std::string server = line.server;
  if (server.empty()) {
    RK_ASSIGN_OR_RETURN(server, AdminServer(line.embedded.data_dir));
  }
  RK_ASSIGN_OR_RETURN(
      const apiserver::KeyPair client,
      apiserver::Issue(authority, {.common_name = line.user, .organizations = line.groups}, now,
                       absl::Hours(24) * line.valid_days));
  return apiserver::KubeconfigText(server, authority.certificate, line.user, client);
}

std::string Summary(absl::string_view what, const apiserver::BackupSummary& summary) {
  return absl::StrCat(what, ": ", summary.objects, " objects, revision ", summary.revision, ", ",
                      summary.bytes, " bytes\n");
}

}  // namespace

absl::StatusOr<std::string> RunControllerCommand(const ControllerCommandLine& line,
                                                 absl::Time now) {
  const std::string store = StoreDirectory(line.embedded.data_dir);
  switch (line.action) {
    case Action::kBackup: {
      RK_ASSIGN_OR_RETURN(const apiserver::BackupSummary summary,
                          apiserver::BackupStore(store, line.file));
      return Summary(line.file, summary);
    }
    case Action::kRestore: {
      RK_RETURN_IF_ERROR(MakeDataDirectory(line.embedded.data_dir));
      RK_ASSIGN_OR_RETURN(const apiserver::BackupSummary summary,
                          apiserver::RestoreStore(line.file, store));
      return Summary("restored", summary);
    }
    case Action::kKubeconfig:
      return PrintKubeconfig(line, now);
    case Action::kPrint:
    case Action::kServe:
      break;
  }
  return line.text;
}

}  // namespace rekindle
