#ifndef REKINDLE_TESTS_CONTROLLER_APISERVER_REST_REST_FAKES_H_
#define REKINDLE_TESTS_CONTROLLER_APISERVER_REST_REST_FAKES_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/api/status.h"
#include "common/base/sync.h"
#include "controller/apiserver/registry/registry.h"
#include "controller/apiserver/rest/surface.h"

namespace rekindle::apiserver {

class FakeSurface final : public Surface {
 public:
  std::optional<HttpReply> Get(const Catalog&, absl::string_view path, absl::string_view accept,
                               absl::string_view if_none_match) const override {
    if (path == "/version" || path == "/apis") {
      if (if_none_match == "\"e\"") return HttpReply{.status = 304, .headers = {{"ETag", "\"e\""}}};
      return HttpReply{.headers = {{"ETag", "\"e\""}, {"Vary", "Accept"}},
                       .body = "{\"accept\":\"" + std::string(accept) + "\"}"};
    }
    return std::nullopt;
  }
  absl::StatusOr<Json> ToTable(const ServedKind& kind, const Json& body, absl::string_view version,
                               IncludeObject include, bool columns) const override {
    return Json{{"kind", "Table"},
                {"of", kind.info->kind},
                {"version", version},
                {"include", static_cast<int>(include)},
                {"columns", columns},
                {"name", body.contains("metadata") ? body["metadata"].value("name", "") : ""}};
  }
  absl::StatusOr<Json> DecodeProtobuf(absl::string_view bytes) const override {
    if (bytes == "bad") return absl::InvalidArgumentError("no magic");
    if (bytes == "unknown") return absl::UnimplementedError("of a kind that nobody knows");
    return Json{{"from", "protobuf"}};
  }
};

// Answers calls as the test says.
class FakeRegistry final : public Registry {
 public:
  using Handler = std::function<absl::StatusOr<Reply>(const Call&)>;
  using Watcher = std::function<absl::StatusOr<std::unique_ptr<WatchHandle>>(
      const Call&, std::shared_ptr<WatchReceiver>)>;

  class Watched final : public WatchHandle {
   public:
    explicit Watched(Latch* gone) : gone_(gone) {}
    ~Watched() override { gone_->Open(); }

   private:
    Latch* const gone_;
  };

  std::shared_ptr<const Catalog> catalog() const override { return catalog_; }

  absl::StatusOr<Reply> Handle(const Call& call) override {
    Handler handler;
    {
      MutexLock lock(&mutex_);
      last_ = call;
      handler = handler_;
    }
    return handler(call);
  }
  absl::StatusOr<std::unique_ptr<WatchHandle>> Watch(
      const Call& call, std::shared_ptr<WatchReceiver> receiver) override {
    Watcher watcher;
    {
      MutexLock lock(&mutex_);
      last_ = call;
      receiver_ = receiver;
      watcher = watcher_;
    }
    if (watcher) return watcher(call, std::move(receiver));
    return std::make_unique<FakeRegistry::Watched>(&watch_gone);
  }

  void Answer(Handler handler) {
    MutexLock lock(&mutex_);
    handler_ = std::move(handler);
  }
  void OnWatch(Watcher watcher) {
    MutexLock lock(&mutex_);
    watcher_ = std::move(watcher);
  }
  Call last() {
    MutexLock lock(&mutex_);
    return last_;
  }
  // The receiver of the last watch, once there is one.
  std::shared_ptr<WatchReceiver> receiver() {
    MutexLock lock(&mutex_);
    mutex_.AwaitFor(absl::Seconds(30), [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return receiver_ != nullptr;
    });
    return receiver_;
  }

  static WatchEvent Event(const std::string& type, const std::string& name, size_t bytes = 0) {
    return {type, std::make_shared<const Json>(Json{{"kind", "Pod"},
                                                    {"metadata", {{"name", name}}},
                                                    {"filling", std::string(bytes, 'x')}})};
  }

  Latch watch_gone;

 private:
  const std::shared_ptr<const Catalog> catalog_ = Catalog::Make({});
  Mutex mutex_;
  Handler handler_ ABSL_GUARDED_BY(mutex_) = [](const Call&) -> absl::StatusOr<Reply> {
    return Reply{.body = {{"kind", "Pod"}, {"metadata", {{"name", "p"}}}}};
  };
  Watcher watcher_ ABSL_GUARDED_BY(mutex_);
  Call last_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<WatchReceiver> receiver_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_TESTS_CONTROLLER_APISERVER_REST_REST_FAKES_H_
