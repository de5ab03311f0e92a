#include "controller/app/embedded_server.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <openssl/rand.h>

#include "common/base/asio_loop.h"
#include "common/base/blocking.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/base/sync.h"
#include "common/base/version.h"
#include "controller/apiserver/pki/pki.h"
#include "controller/apiserver/registry/background.h"
#include "controller/apiserver/registry/object_registry.h"
#include "controller/apiserver/rest/api_handler.h"
#include "controller/apiserver/rest/authenticator.h"
#include "controller/apiserver/rest/server.h"
#include "controller/apiserver/rest/server_metrics.h"
#include "controller/apiserver/store/sqlite_store.h"
#include "controller/apiserver/surface/server_surface.h"

namespace rekindle {
namespace {

// Of what the background does; little of it blocks for long.
constexpr size_t kBackgroundThreads = 2;

uint32_t RandomNumber() {
  uint32_t value = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&value), sizeof(value));
  return value;
}

bool IsAnyAddress(const std::string& address) { return address == "0.0.0.0" || address == "::"; }

std::string HostName() {
  char name[256] = {};
  return ::gethostname(name, sizeof(name) - 1) == 0 ? std::string(name) : std::string();
}

// What clients on this machine and in pods call the server.
std::vector<std::string> CertificateNames(const EmbeddedOptions& options) {
  std::vector<std::string> names = options.names;
  for (const char* usual : {"localhost", "127.0.0.1", "::1", "kubernetes", "kubernetes.default",
                            "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}) {
    names.emplace_back(usual);
  }
  if (!IsAnyAddress(options.address)) names.push_back(options.address);
  if (const std::string host = HostName(); !host.empty()) names.push_back(host);
  return names;
}

}  // namespace

// In the order of their making; the destructor takes them down in the opposite one.
struct EmbeddedServer::Parts {
  EmbeddedOptions options;
  std::string url;
  std::unique_ptr<apiserver::SqliteStore> store;
  std::unique_ptr<apiserver::ObjectRegistry> registry;
  std::unique_ptr<AsioLoop> loop;
  std::unique_ptr<apiserver::Background> background;
  std::unique_ptr<BlockingPool> pool;
  apiserver::ServerSurface surface;
  std::unique_ptr<apiserver::TokenFile> tokens;
  apiserver::ServerMetrics metrics{kVersion};
  std::unique_ptr<apiserver::ApiHandler> handler;
  std::unique_ptr<apiserver::RestServer> server;
  // The loop's once the server serves.
  std::string shown;  // its certificate
  bool stopping = false;

  absl::Status Start();
  absl::Status StartStore();
  absl::Status StartServer();
  void AddSources();
  absl::StatusOr<apiserver::ServerPki> EnsureCertificates() const;
  absl::Status EnsureKubeconfig(const apiserver::ServerPki& pki) const;
  // What ends soon is made anew while the server runs, and shown from then on. On the loop.
  void LookAtCertificatesLater();
  void LookAtCertificates();
  void Show(const apiserver::ServerPki& pki);
  // Runs `task` on the loop and waits for it.
  void OnLoop(const std::function<void()>& task);
  ~Parts();
};

std::string StoreDirectory(const std::string& data_dir) { return data_dir + "/store"; }
std::string PkiDirectory(const std::string& data_dir) { return data_dir + "/pki"; }

absl::Status MakeDataDirectory(const std::string& data_dir) {
  if (::mkdir(data_dir.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("make ", data_dir, ": ", strerror(errno)));
}

std::string ServerUrl(const EmbeddedOptions& options, uint16_t port) {
  std::string host = !options.names.empty()          ? options.names[0]
                     : IsAnyAddress(options.address) ? std::string("127.0.0.1")
                                                     : options.address;
  if (absl::StrContains(host, ':')) host = absl::StrCat("[", host, "]");
  return absl::StrCat("https://", host, ":", port);
}

absl::Status EmbeddedServer::Parts::StartStore() {
  apiserver::SqliteStore::Options store_options;
  store_options.directory = StoreDirectory(options.data_dir);
  store_options.keep_history = options.keep_history;
  RK_ASSIGN_OR_RETURN(store, apiserver::SqliteStore::Open(store_options));
  apiserver::ObjectRegistry::Options registry_options;
  registry_options.store = store.get();
  registry_options.now = [] { return absl::Now(); };
  registry_options.random = &RandomNumber;
  registry_options.gates = options.gates;
  RK_ASSIGN_OR_RETURN(registry, apiserver::ObjectRegistry::Open(std::move(registry_options)));
  loop = std::make_unique<AsioLoop>("api-background");
  pool = std::make_unique<BlockingPool>(*loop, kBackgroundThreads, "api-tidy");
  OnLoop([this] {
    background = std::make_unique<apiserver::Background>(
        *registry, *loop, *pool,
        apiserver::Background::Options{.keep_events = options.keep_events});
    background->Start();
  });
  return absl::OkStatus();
}

absl::Status EmbeddedServer::Parts::StartServer() {
  RK_ASSIGN_OR_RETURN(const apiserver::ServerPki pki, EnsureCertificates());
  apiserver::RestServer::Options server_options;
  server_options.http.address = options.address;
  server_options.http.port = options.port;
  server_options.http.certificate = pki.server.certificate;
  server_options.http.key = pki.server.key;
  server_options.http.client_ca = pki.authority.certificate;
  handler = std::make_unique<apiserver::ApiHandler>(
      apiserver::ApiHandler::Options{.registry = registry.get(),
                                     .surface = &surface,
                                     .tokens = tokens.get(),
                                     .metrics = &metrics,
                                     .random = &RandomNumber,
                                     .max_body_bytes = server_options.http.max_body_bytes});
  RK_ASSIGN_OR_RETURN(server,
                      apiserver::RestServer::Start(server_options, *handler, *registry, surface));
  AddSources();
  url = ServerUrl(options, server->port());
  RK_RETURN_IF_ERROR(EnsureKubeconfig(pki));
  OnLoop([&] {
    shown = pki.server.certificate;
    LookAtCertificatesLater();
  });
  return absl::OkStatus();
}

void EmbeddedServer::Parts::AddSources() {
  using Stats = apiserver::SqliteStore::Stats;
  const auto add = [this](const char* name, const char* help, bool total, auto Stats::*member) {
    metrics.AddSource(name, help, total, [from = store.get(), member] {
      const Stats stats = from->stats();
      return static_cast<double>(stats.*member);
    });
  };
  add("rekindle_store_commits_total", "Writes that are on the disk.", true, &Stats::commits);
  add("rekindle_store_refused_total", "Writes that came too late for their version.", true,
      &Stats::refused);
  add("rekindle_store_failures_total", "Writes that the disk did not take.", true,
      &Stats::failures);
  add("rekindle_store_transactions_total", "Groups of writes that were synced together.", true,
      &Stats::transactions);
  add("rekindle_store_checkpoints_total", "Times that the write-ahead log was emptied.", true,
      &Stats::checkpoints);
  add("rekindle_store_compacted_revision", "Revision up to which history is forgotten.", false,
      &Stats::compacted);
  add("rekindle_store_watchers", "Watches that are open.", false, &Stats::watchers);
  metrics.AddSource("rekindle_store_revision", "Newest revision of the store.", false,
                    [from = store.get()] { return static_cast<double>(from->revision()); });
  metrics.AddSource("rekindle_api_connections", "Connections of clients.", false,
                    [served = server.get()] { return static_cast<double>(served->connections()); });
}

absl::StatusOr<apiserver::ServerPki> EmbeddedServer::Parts::EnsureCertificates() const {
  return apiserver::EnsureServerPki(PkiDirectory(options.data_dir), CertificateNames(options),
                                    options.now());
}

absl::Status EmbeddedServer::Parts::EnsureKubeconfig(const apiserver::ServerPki& pki) const {
  return apiserver::EnsureAdminKubeconfig(options.data_dir + "/admin.kubeconfig", url,
                                          pki.authority, options.now());
}

void EmbeddedServer::Parts::LookAtCertificatesLater() {
  loop->RunAfter(options.look_at_certificates, [this] { LookAtCertificates(); });
}

void EmbeddedServer::Parts::LookAtCertificates() {
  const auto found = std::make_shared<apiserver::ServerPki>();
  pool->Run(
      [this, found]() -> absl::Status {
        RK_ASSIGN_OR_RETURN(*found, EnsureCertificates());
        return EnsureKubeconfig(*found);
      },
      [this, found](const absl::Status& status) {
        if (stopping) return;
        if (status.ok()) {
          Show(*found);
        } else {
          LOG(ERROR) << "certificates cannot be looked at: " << status.message();
        }
        LookAtCertificatesLater();
      });
}

void EmbeddedServer::Parts::Show(const apiserver::ServerPki& pki) {
  if (pki.server.certificate == shown) return;
  const absl::Status status = server->UseCertificate(pki.server.certificate, pki.server.key);
  if (!status.ok()) {
    LOG(ERROR) << "the new certificate cannot be used: " << status.message();
    return;
  }
  shown = pki.server.certificate;
  LOG(INFO) << "the server has a new certificate";
}

void EmbeddedServer::Parts::OnLoop(const std::function<void()>& task) {
  Latch done;
  loop->Post([&] {
    task();
    done.Open();
  });
  done.Wait();
}

absl::Status EmbeddedServer::Parts::Start() {
  RK_RETURN_IF_ERROR(MakeDataDirectory(options.data_dir));
  if (!options.token_file.empty()) {
    RK_ASSIGN_OR_RETURN(tokens, apiserver::TokenFile::Open(options.token_file));
  }
  RK_RETURN_IF_ERROR(StartStore());
  return StartServer();
}

EmbeddedServer::Parts::~Parts() {
  if (loop != nullptr) OnLoop([this] { stopping = true; });
  server.reset();
  handler.reset();
  // Work that has begun is finished before what it works on goes.
  // In this order: a loop that runs would still hand work to the pool.
  if (loop != nullptr) loop->Stop();
  pool.reset();
  background.reset();
  loop.reset();
  registry.reset();
  store.reset();
}

EmbeddedServer::EmbeddedServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
EmbeddedServer::~EmbeddedServer() = default;

absl::StatusOr<std::unique_ptr<EmbeddedServer>> EmbeddedServer::Start(
    const EmbeddedOptions& options) {
  auto parts = std::make_unique<Parts>();
  parts->options = options;
  RK_RETURN_IF_ERROR(parts->Start());
  return std::unique_ptr<EmbeddedServer>(new EmbeddedServer(std::move(parts)));
}

absl::StatusOr<client::ClientConfig> EmbeddedServer::AccessFor(
    const std::string& user, const std::vector<std::string>& groups) const {
  const EmbeddedOptions& options = parts_->options;
  RK_ASSIGN_OR_RETURN(const apiserver::KeyPair authority,
                      apiserver::ReadAuthority(PkiDirectory(options.data_dir)));
  RK_ASSIGN_OR_RETURN(const apiserver::KeyPair pair,
                      apiserver::Issue(authority, {.common_name = user, .organizations = groups},
                                       options.now(), apiserver::kAuthorityLife));
  client::ClientConfig out;
  out.source = "the server of this process";
  out.cluster_name = "embedded";
  out.user_name = user;
  // By its address: a name of the server may lead elsewhere, or nowhere.
  out.cluster.server =
      ServerUrl({.address = options.address == "::" ? "::1" : options.address}, port());
  out.cluster.authority.data = authority.certificate;
  out.user.certificate.data = pair.certificate;
  out.user.key.data = pair.key;
  return out;
}

uint16_t EmbeddedServer::port() const { return parts_->server->port(); }
const std::string& EmbeddedServer::url() const { return parts_->url; }
std::string EmbeddedServer::kubeconfig() const {
  return parts_->options.data_dir + "/admin.kubeconfig";
}

}  // namespace rekindle
