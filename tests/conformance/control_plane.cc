#include "tests/conformance/control_plane.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status_macros.h"
#include "tests/kube/cluster.h"

namespace rekindle::conformance {
namespace {

constexpr absl::Duration kReady = absl::Minutes(3);

// A port of loopback that nobody uses now.
int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  int port = 0;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd, plain, size) == 0 && getsockname(fd, plain, &size) == 0) {
    port = ntohs(address.sin_port);
  }
  close(fd);
  return port;
}

std::string Tail(const std::string& path) {
  const std::string text = bed::ReadFile(path);
  return text.size() > 2000 ? text.substr(text.size() - 2000) : text;
}

}  // namespace

absl::Status ControlPlane::Run(const std::string& name, std::vector<std::string> argv) {
  RK_ASSIGN_OR_RETURN(std::unique_ptr<bed::ChildProcess> process,
                      bed::ChildProcess::Start(argv, dir_ / (name + ".log")));
  processes_.insert(processes_.begin(), std::move(process));
  return absl::OkStatus();
}

Endpoint ControlPlane::endpoint() const {
  Endpoint out;
  out.url = absl::StrCat("https://127.0.0.1:", port_);
  out.ca_file = dir_ / "certs/apiserver.crt";
  out.token = "administrator";
  out.reader_token = "reader";
  return out;
}

std::vector<pid_t> ControlPlane::processes() const {
  std::vector<pid_t> out;
  for (const auto& process : processes_) out.push_back(process->pid());
  return out;
}

absl::StatusOr<std::unique_ptr<ControlPlane>> ControlPlane::Start(const Options& options) {
  RK_ASSIGN_OR_RETURN(const std::string programs, kube::FindPrograms());
  std::unique_ptr<ControlPlane> out(new ControlPlane());
  const TempDir& dir = out->dir_;
  const std::string key = dir / "accounts.key";
  RK_RETURN_IF_ERROR(
      bed::RunCommand({"openssl", "genrsa", "-out", key, "2048"}, absl::Minutes(1)).status());
  RK_RETURN_IF_ERROR(
      bed::WriteFile(dir / "tokens.csv", absl::StrCat("administrator,admin,1,\"system:masters\"\n"
                                                      "reader,reader,2,\"readers\"\n",
                                                      absl::StrJoin(options.users, "\n"), "\n")));
  const std::string etcd = absl::StrCat("http://127.0.0.1:", FreePort());
  const std::string peer = absl::StrCat("http://127.0.0.1:", FreePort());
  std::vector<std::string> store = {"etcd",
                                    "--name=etcd",
                                    "--data-dir=" + (dir / "etcd"),
                                    "--listen-client-urls=" + etcd,
                                    "--advertise-client-urls=" + etcd,
                                    "--listen-peer-urls=" + peer,
                                    "--initial-advertise-peer-urls=" + peer,
                                    "--initial-cluster=etcd=" + peer,
                                    "--heartbeat-interval=500",
                                    "--election-timeout=5000"};
  if (!options.durable) store.emplace_back("--unsafe-no-fsync");
  RK_RETURN_IF_ERROR(out->Run("etcd", std::move(store)));
  out->port_ = FreePort();
  RK_RETURN_IF_ERROR(
      out->Run("apiserver",
               {programs + "/kube-apiserver", "--etcd-servers=" + etcd, "--bind-address=127.0.0.1",
                absl::StrCat("--secure-port=", out->port_), "--cert-dir=" + (dir / "certs"),
                "--token-auth-file=" + (dir / "tokens.csv"), "--authorization-mode=RBAC",
                // Pods must not wait for a token of their account.
                "--disable-admission-plugins=ServiceAccount",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-account-key-file=" + key, "--service-account-signing-key-file=" + key,
                "--service-cluster-ip-range=10.99.0.0/16"}));
  const bool ready = bed::WaitUntil(
      [&] {
        // Its certificate is there once it listens.
        if (access((dir / "certs/apiserver.crt").c_str(), R_OK) != 0) return false;
        // The namespace "default" comes a moment after the server says that it is ready.
        Http http(out->endpoint());
        for (const char* path : {"/readyz", "/api/v1/namespaces/default"}) {
          const auto answer = http.Call({.path = path});
          if (!answer.ok() || answer->status != 200) return false;
        }
        return true;
      },
      kReady);
  if (!ready) {
    return absl::DeadlineExceededError(
        absl::StrCat("kube-apiserver is not ready\n", Tail(dir / "apiserver.log")));
  }
  const nlohmann::json kubeconfig = {
      {"apiVersion", "v1"},
      {"kind", "Config"},
      {"clusters",
       {{{"name", "c"},
         {"cluster",
          {{"server", out->endpoint().url}, {"certificate-authority", out->endpoint().ca_file}}}}}},
      {"users", {{{"name", "u"}, {"user", {{"token", out->endpoint().token}}}}}},
      {"contexts", {{{"name", "x"}, {"context", {{"cluster", "c"}, {"user", "u"}}}}}},
      {"current-context", "x"}};
  RK_RETURN_IF_ERROR(bed::WriteFile(dir / "kubeconfig", kubeconfig.dump()));
  if (!options.controllers) return out;
  RK_RETURN_IF_ERROR(
      out->Run("controller-manager",
               {programs + "/kube-controller-manager", "--kubeconfig=" + (dir / "kubeconfig"),
                "--leader-elect=false", "--port=0", absl::StrCat("--secure-port=", FreePort()),
                "--bind-address=127.0.0.1", "--cert-dir=" + (dir / "manager-certs"),
                "--controllers=namespace,garbagecollector,disruption",
                "--flex-volume-plugin-dir=" + (dir / "plugins")}));
  return out;
}

}  // namespace rekindle::conformance
