#include "tests/bed/registry.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include <nlohmann/json.hpp>
#include <openssl/sha.h>

#include "common/base/status_macros.h"

namespace rekindle::bed {
namespace {

using nlohmann::json;

constexpr absl::Duration kTransfer = absl::Seconds(60);
constexpr int kPushTries = 3;
constexpr char kManifestType[] = "application/vnd.oci.image.manifest.v1+json";
constexpr char kLayerType[] = "application/vnd.oci.image.layer.v1.tar";

int FreePort() {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  int port = 0;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0) {
    port = ntohs(address.sin_port);
  }
  close(fd);
  return port;
}

std::string Digest(const std::string& content) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(content.data()), content.size(), hash);
  return absl::StrCat("sha256:", absl::BytesToHexString(absl::string_view(
                                     reinterpret_cast<const char*>(hash), sizeof(hash))));
}

// A tar with one file of random bytes, which no registry or containerd can have seen before.
absl::StatusOr<std::string> RandomLayer(const std::string& dir, size_t bytes) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::string work = absl::StrCat(dir, "/layer");
  fs::create_directories(work, error);
  std::random_device seed;
  std::mt19937_64 random((uint64_t{seed()} << 32) | seed());
  std::string content;
  while (content.size() < bytes) {
    uint64_t word = random();
    content.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  RK_RETURN_IF_ERROR(WriteFile(work + "/extra", content));
  RK_RETURN_IF_ERROR(
      RunCommand({"tar", "-cf", dir + "/layer.tar", "-C", work, "extra"}, kTransfer).status());
  std::string tar = ReadFile(dir + "/layer.tar");
  fs::remove_all(work, error);
  fs::remove(dir + "/layer.tar", error);
  return tar;
}

absl::Status Unexpected(const std::string& what, const HttpReply& reply) {
  return absl::AbortedError(absl::StrCat(what, ": HTTP ", reply.code, ": ", reply.body));
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalRegistry>> LocalRegistry::Start(
    Bed* bed, const RegistryOptions& options) {
  std::unique_ptr<LocalRegistry> registry(new LocalRegistry(bed, options));
  absl::Status status;
  // Another program may take the free port before the registry does.
  for (int attempt = 0; attempt < 5; ++attempt) {
    registry->port_ = FreePort();
    status = registry->Launch(absl::StrCat(bed->dir(), "/registry-", registry->port_));
    if (status.ok()) return registry;
    if (!absl::IsUnavailable(status)) break;
  }
  return status;
}

absl::Status LocalRegistry::Launch(const std::string& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  std::string config =
      absl::StrCat("version: 0.1\nlog:\n  level: warn\nstorage:\n  filesystem:\n",
                   "    rootdirectory: ", dir, "/store\nhttp:\n  addr: ", address(), "\n");
  if (!options_.user.empty()) {
    RK_ASSIGN_OR_RETURN(
        std::string entry,
        RunCommand({"htpasswd", "-Bbn", options_.user, options_.password}, absl::Seconds(10)));
    RK_RETURN_IF_ERROR(WriteFile(dir + "/htpasswd", entry));
    absl::StrAppend(&config, "auth:\n  htpasswd:\n    realm: test\n    path: ", dir, "/htpasswd\n");
  }
  RK_RETURN_IF_ERROR(WriteFile(dir + "/config.yml", config));
  RK_ASSIGN_OR_RETURN(process_,
                      ChildProcess::Start({"docker-registry", "serve", dir + "/config.yml"},
                                          dir + "/registry.log", {"OTEL_TRACES_EXPORTER=none"}));
  HttpRequest probe;
  probe.target = "/v2/";
  bool up = false;
  WaitUntil(
      [&] {
        up = Call(probe).ok();
        return up || !process_->Running();
      },
      absl::Seconds(30));
  if (up && process_->Running()) return absl::OkStatus();
  if (!process_->Running()) {
    return absl::UnavailableError(
        absl::StrCat("docker-registry: ", ReadFile(dir + "/registry.log")));
  }
  return absl::DeadlineExceededError("docker-registry does not answer");
}

std::string LocalRegistry::address() const { return absl::StrCat("127.0.0.1:", port_); }

std::string LocalRegistry::Reference(const std::string& name) const {
  return absl::StrCat(address(), "/", name);
}

absl::StatusOr<HttpReply> LocalRegistry::Call(HttpRequest request) const {
  if (!options_.user.empty()) {
    request.headers["Authorization"] =
        "Basic " + absl::Base64Escape(absl::StrCat(options_.user, ":", options_.password));
  }
  return HttpCall("127.0.0.1", port_, request, kTransfer);
}

absl::StatusOr<std::string> LocalRegistry::Push(const std::string& bed_image,
                                                const std::string& name) {
  std::string reference = Reference(name);
  std::vector<std::string> push = {"images", "push", "--plain-http"};
  if (!options_.user.empty()) {
    push.insert(push.end(), {"--user", absl::StrCat(options_.user, ":", options_.password)});
  }
  // The bed's own name stays untouched: ctr pushes a local image under any reference.
  push.insert(push.end(), {reference, bed_image});
  // On a busy machine ctr now and then reports a push as cut off ("unexpected EOF").
  absl::Status pushed;
  for (int i = 0; i < kPushTries; ++i) {
    pushed = bed_->Ctr(push, kTransfer).status();
    if (pushed.ok()) return reference;
  }
  return pushed;
}

absl::StatusOr<std::string> LocalRegistry::PutBlob(const std::string& repository,
                                                   const std::string& content) {
  HttpRequest begin;
  begin.method = "POST";
  begin.target = absl::StrCat("/v2/", repository, "/blobs/uploads/");
  RK_ASSIGN_OR_RETURN(HttpReply begun, Call(begin));
  if (begun.code != 202) return Unexpected("begin upload", begun);
  std::string location = begun.headers["location"];
  // The registry names itself by the Host header, which has no port here.
  size_t path = location.find("/v2/");
  if (path == std::string::npos) return Unexpected("begin upload: no location", begun);
  HttpRequest put;
  put.method = "PUT";
  put.target = location.substr(path);
  absl::StrAppend(&put.target, absl::StrContains(put.target, "?") ? "&" : "?",
                  "digest=", Digest(content));
  put.headers["Content-Type"] = "application/octet-stream";
  put.body = content;
  RK_ASSIGN_OR_RETURN(HttpReply done, Call(put));
  if (done.code != 201) return Unexpected("upload", done);
  return Digest(content);
}

absl::StatusOr<std::string> LocalRegistry::PushNew(const std::string& bed_image,
                                                   const std::string& name, size_t bytes) {
  RK_RETURN_IF_ERROR(Push(bed_image, name).status());
  std::vector<std::string> parts = absl::StrSplit(name, ':');
  const std::string& repository = parts[0];
  HttpRequest get;
  get.target =
      absl::StrCat("/v2/", repository, "/manifests/", parts.size() > 1 ? parts[1] : "latest");
  get.headers["Accept"] = kManifestType;
  RK_ASSIGN_OR_RETURN(HttpReply reply, Call(get));
  json manifest = json::parse(reply.body, nullptr, false);
  if (manifest.is_discarded() || !manifest.contains("config")) return Unexpected("manifest", reply);
  HttpRequest get_config;
  get_config.target =
      absl::StrCat("/v2/", repository, "/blobs/", manifest["config"]["digest"].get<std::string>());
  RK_ASSIGN_OR_RETURN(reply, Call(get_config));
  json config = json::parse(reply.body, nullptr, false);
  if (config.is_discarded() || !config.contains("rootfs")) return Unexpected("config", reply);

  RK_ASSIGN_OR_RETURN(std::string layer, RandomLayer(bed_->dir(), bytes));
  RK_ASSIGN_OR_RETURN(std::string digest, PutBlob(repository, layer));
  config["rootfs"]["diff_ids"].push_back(digest);
  manifest["layers"].push_back(
      {{"mediaType", kLayerType}, {"digest", digest}, {"size", layer.size()}});
  std::string config_text = config.dump();
  RK_ASSIGN_OR_RETURN(std::string config_digest, PutBlob(repository, config_text));
  manifest["config"]["digest"] = config_digest;
  manifest["config"]["size"] = config_text.size();
  HttpRequest put;
  put.method = "PUT";
  put.target = get.target;
  put.headers["Content-Type"] = kManifestType;
  put.body = manifest.dump();
  RK_ASSIGN_OR_RETURN(reply, Call(put));
  if (reply.code != 201) return Unexpected("put manifest", reply);
  return Reference(name);
}

}  // namespace rekindle::bed
