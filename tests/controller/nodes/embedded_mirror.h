#ifndef REKINDLE_TESTS_CONTROLLER_NODES_EMBEDDED_MIRROR_H_
#define REKINDLE_TESTS_CONTROLLER_NODES_EMBEDDED_MIRROR_H_

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/asio_loop.h"
#include "common/base/blocking.h"
#include "common/client/access.h"
#include "common/client/config/kubeconfig.h"
#include "common/client/decoders.h"
#include "common/json/tree.h"
#include "controller/app/embedded_server.h"
#include "controller/nodes/node_mirror.h"
#include "tests/fakes/await.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle::nodes {

// A mirror that writes into a real embedded API server, over HTTPS as the program does.
class EmbeddedMirror {
 public:
  // `open` makes its feeds, once it is told the loop. `gates` are the server's.
  template <typename MakeOpen>
  void Start(MakeOpen make_open, const std::string& local, const api::AdmissionGates& gates = {}) {
    auto server = EmbeddedServer::Start({.data_dir = dir_ / "data", .port = 0, .gates = gates});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    std::ifstream file(server_->kubeconfig());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto kubeconfig = client::ParseKubeconfig(text, "admin");
    ASSERT_TRUE(kubeconfig.ok()) << kubeconfig.status();
    const auto config = client::ResolveContext(*kubeconfig, "");
    ASSERT_TRUE(config.ok()) << config.status();
    absl::Status status;
    RunOn(loop_, [&] {
      auto access = client::ApiAccess::Open(loop_, blocking_, *config);
      status = access.status();
      if (!status.ok()) return;
      access_ = *std::move(access);
      api_ = access_->NewClient({.requests_per_second = 1000, .burst = 1000});
      events_ = std::make_unique<client::EventRecorder>(
          *api_, client::EventRecorder::Options{.component = "rekindle-controller"},
          client::SystemRandom());
      client::ReflectorOptions options;
      options.collection.resource = client::PodResource();
      pods_ =
          std::make_unique<client::Informer<api::PodRecord>>(*api_, options, client::PodDecoder());
      mirror_ = std::make_unique<NodeMirror>(NodeMirror::Deps{.loop = loop_,
                                                              .api = *api_,
                                                              .pods = *pods_,
                                                              .events = *events_,
                                                              .open = make_open(loop_),
                                                              .random = client::SystemRandom()},
                                             NodeMirror::Options{.local_daemon = local});
      pods_->Start();
      mirror_->Watch();
    });
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_TRUE(AwaitOn(loop_, [&] { return pods_->synced() && mirror_->synced(); }));
    RunOn(loop_, [&] { mirror_->Start(); });
  }

  ~EmbeddedMirror() {
    RunOn(loop_, [&] {
      mirror_.reset();
      pods_.reset();
      events_.reset();
      api_.reset();
      access_.reset();
    });
    server_.reset();
  }

  AsioLoop& loop() { return loop_; }
  NodeMirror& mirror() { return *mirror_; }

  // Null: there is no such object.
  Json Get(const client::ApiResource& resource, const std::string& ns, const std::string& name) {
    auto got = AwaitReply<Json>(loop_, [&](auto done) {
      api_->Get({.resource = resource, .key = {ns, name}, .subresource = ""}, std::move(done));
    });
    return got.ok() ? *std::move(got) : Json();
  }
  Json Pod(const std::string& ns, const std::string& name) {
    return Get(client::PodResource(), ns, name);
  }
  absl::StatusOr<Json> Delete(const std::string& ns, const std::string& name) {
    return AwaitReply<Json>(loop_, [&](auto done) {
      api_->Delete({.resource = client::PodResource(), .key = {ns, name}, .subresource = ""}, {},
                   std::move(done));
    });
  }
  absl::StatusOr<Json> Create(const client::ObjectRef& ref, const Json& object) {
    return AwaitReply<Json>(loop_,
                            [&](auto done) { api_->Create(ref, object, {}, std::move(done)); });
  }
  // A merge patch of a pod's status.
  absl::StatusOr<Json> PatchStatus(const std::string& ns, const std::string& name,
                                   const Json& status) {
    return AwaitReply<Json>(loop_, [&](auto done) {
      api_->Patch({.resource = client::PodResource(), .key = {ns, name}, .subresource = "status"},
                  client::PatchType::kMerge, {{"status", status}}, {}, std::move(done));
    });
  }
  // Looks at the pod until `holds` of it. False after a minute.
  template <typename Holds>
  bool AwaitPod(const std::string& ns, const std::string& name, Holds holds) {
    const absl::Time end = absl::Now() + absl::Seconds(60);
    while (!holds(Pod(ns, name))) {
      if (absl::Now() > end) return false;
      Slot<bool> later;
      loop_.RunAfter(absl::Milliseconds(20), [&] { later.Set(true); });
      later.Get();
    }
    return true;
  }

 private:
  TempDir dir_;
  AsioLoop loop_{"test-loop"};
  BlockingPool blocking_{loop_, 2, "test-files"};
  std::unique_ptr<EmbeddedServer> server_;
  std::unique_ptr<client::ApiAccess> access_;
  std::unique_ptr<client::ApiClient> api_;
  std::unique_ptr<client::EventRecorder> events_;
  std::unique_ptr<client::Informer<api::PodRecord>> pods_;
  std::unique_ptr<NodeMirror> mirror_;
};

// Status of condition Ready; empty: there is none.
inline std::string ReadyOf(const Json& object) {
  const Json* conditions = json::Find(object, {"status", "conditions"});
  if (conditions == nullptr) return "";
  for (const Json& condition : *conditions) {
    if (json::String(condition, "type") == "Ready") return condition.value("status", "");
  }
  return "";
}

}  // namespace rekindle::nodes

#endif  // REKINDLE_TESTS_CONTROLLER_NODES_EMBEDDED_MIRROR_H_
