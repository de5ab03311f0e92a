#ifndef REKINDLE_TESTS_CONTROLLER_APISERVER_REGISTRY_REGISTRY_FIXTURE_H_
#define REKINDLE_TESTS_CONTROLLER_APISERVER_REGISTRY_REGISTRY_FIXTURE_H_

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/status.h"
#include "common/base/asio_loop.h"
#include "common/base/blocking.h"
#include "common/base/sync.h"
#include "common/json/tree.h"
#include "controller/apiserver/registry/background.h"
#include "controller/apiserver/registry/object_registry.h"
#include "controller/apiserver/store/sqlite_store.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle::apiserver {

// The real store with somebody else in between: what he does runs just before a commit.
class StoreBetween final : public Store {
 public:
  explicit StoreBetween(Store& store) : store_(store) {}
  // Called once for each commit of the registry; what it writes itself does not count.
  std::function<void(const std::vector<Write>&)> before_commit;
  // Takes the place of a commit when it gives a status.
  std::function<absl::Status()> refuse;

  absl::StatusOr<StoredObject> Get(const Key& key) override { return store_.Get(key); }
  absl::StatusOr<Page> List(const ListQuery& query) override { return store_.List(query); }
  absl::StatusOr<Revision> ForEach(const ListQuery& query,
                                   absl::FunctionRef<bool(const StoredObject&)> visit) override {
    return store_.ForEach(query, visit);
  }
  void Commit(std::vector<Write> writes, Done done) override {
    store_.Commit(std::move(writes), std::move(done));
  }
  absl::StatusOr<std::vector<Revision>> Commit(std::vector<Write> writes) override {
    if (refuse != nullptr) return refuse();
    if (before_commit != nullptr) {
      auto act = std::exchange(before_commit, nullptr);
      act(writes);
      if (before_commit == nullptr && again) before_commit = act;
    }
    return store_.Commit(std::move(writes));
  }
  absl::StatusOr<std::unique_ptr<WatchHandle>> Watch(const std::string& resource,
                                                     const std::string& name_space, Revision after,
                                                     std::shared_ptr<WatchSink> sink) override {
    return store_.Watch(resource, name_space, after, std::move(sink));
  }
  Revision revision() const override { return store_.revision(); }

  bool again = false;  // before_commit runs before every commit

 private:
  Store& store_;
};

struct Result {
  int code = 0;
  Json body;
  std::string text;
  std::vector<std::string> warnings;
  api::ApiError error;

  bool ok() const { return code < 400; }
  const std::string& message() const { return error.message; }
  std::vector<std::string> causes() const {  // "reason field: message"
    std::vector<std::string> out;
    for (const api::StatusCause& cause : error.causes) {
      out.push_back(cause.reason + " " + cause.field + ": " + cause.message);
    }
    return out;
  }
  std::string rv() const {
    return std::string(json::String(body, {"metadata", "resourceVersion"}));
  }
  std::string uid() const { return std::string(json::String(body, {"metadata", "uid"})); }
  std::string name() const { return std::string(json::String(body, {"metadata", "name"})); }
};

// Events of a watch as "ADDED a", one after the other.
class Recorder final : public WatchReceiver {
 public:
  bool OnEvents(std::vector<WatchEvent> events) override;
  void OnError(const absl::Status& status) override;

  // Waits until there are so many events. Those that came within the deadline.
  std::vector<std::string> Await(size_t count);
  std::vector<WatchEvent> events();
  absl::Status AwaitError();
  void StopAfter(size_t count) { most_ = count; }

 private:
  Mutex mutex_;
  std::vector<WatchEvent> events_ ABSL_GUARDED_BY(mutex_);
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  std::atomic<size_t> most_{SIZE_MAX};
};

class RegistryTest : public testing::Test {
 protected:
  RegistryTest();

  static Json J(const std::string& text) { return Json::parse(text); }
  // A call about objects of this apiVersion and kind.
  Call CallOf(Verb verb, const std::string& api_version, const std::string& kind,
              const std::string& name_space, const std::string& name);
  Result Handle(const Call& call);

  // By the object's own apiVersion, kind and namespace. `tune` changes the call before it is made.
  using Tune = std::function<void(Call&)>;
  Result Create(const Json& object, const Tune& tune = nullptr);
  Result Update(const Json& object, const Tune& tune = nullptr);
  Result Get(const std::string& kind, const std::string& name, const Tune& tune = nullptr);
  Result Delete(const std::string& kind, const std::string& name, const Tune& tune = nullptr);
  Result Patch(const std::string& kind, const std::string& name, PatchType type,
               const std::string& body, const Tune& tune = nullptr);
  Result Apply(const Json& config, const std::string& manager, bool force = false);
  Result List(const std::string& kind, const Tune& tune = nullptr);
  std::vector<std::string> Names(const Result& list);
  std::unique_ptr<WatchHandle> Watch(const std::string& kind, std::shared_ptr<Recorder> recorder,
                                     const Tune& tune = nullptr);
  absl::Status WatchError(const std::string& kind, const Tune& tune);

  // Objects that are as small as can be.
  static Json ConfigMap(const std::string& name, const std::string& value = "1");
  static Json Pod(const std::string& name);
  static Json CloneSet(const std::string& name, const std::string& version = "v1beta1");
  static Json Widget(const std::string& name);
  static Json WidgetDefinition();
  // As a daemon does it: the pod has a node and runs.
  void RunPod(const std::string& name, bool ready = true);

  // Kinds by the short names that tests use: "ConfigMap", "Pod", "CloneSet", "Widget", ...
  static std::string VersionOf(const std::string& kind);

  TempDir dir_;
  std::unique_ptr<SqliteStore> store_;
  std::unique_ptr<StoreBetween> between_;
  std::atomic<int64_t> seconds_{1'800'000'000};
  std::atomic<uint32_t> random_{1};
  std::unique_ptr<ObjectRegistry> registry_;
  std::string name_space_ = "default";
  std::shared_ptr<const Catalog> held_;  // of the last call
};

// With everything that runs by itself, on the real clock.
class BackgroundTest : public RegistryTest {
 protected:
  BackgroundTest();
  ~BackgroundTest() override;
  // Looks again and again until it holds; false after the deadline.
  bool Await(const std::function<bool()>& holds);
  bool Gone(const std::string& kind, const std::string& name);

  AsioLoop loop_{"background"};
  std::unique_ptr<BlockingPool> pool_;
  std::unique_ptr<Background> background_;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_TESTS_CONTROLLER_APISERVER_REGISTRY_REGISTRY_FIXTURE_H_
