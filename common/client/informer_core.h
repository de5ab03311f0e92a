#ifndef REKINDLE_COMMON_CLIENT_INFORMER_CORE_H_
#define REKINDLE_COMMON_CLIENT_INFORMER_CORE_H_

#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

#include "common/client/reflector.h"
#include "common/client/store.h"

namespace rekindle::client {

// The part of Informer<T> that does not know T.
// Threads: the loop's.
class InformerCore final : private Reflector::Sink {
 public:
  // Receives changes. The records may be kept.
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void Added(const ObjectKey& key, const Store::Record& now) = 0;
    virtual void Updated(const ObjectKey& key, const Store::Record& before,
                         const Store::Record& now) = 0;
    virtual void Deleted(const ObjectKey& key, const Store::Record& last, bool final_unknown) = 0;
  };

  InformerCore(ApiClient& client, ReflectorOptions options, std::unique_ptr<Decoder> decoder,
               Random random);
  ~InformerCore() override;

  Store& store() { return store_; }
  const Store& store() const { return store_; }
  Reflector& reflector() { return reflector_; }
  const Reflector& reflector() const { return reflector_; }
  const std::map<ObjectKey, absl::Status>& broken() const { return broken_; }

  void AddHandler(std::shared_ptr<Handler> handler);
  bool synced() const { return synced_; }
  void OnSynced(absl::AnyInvocable<void()> task);
  void Stop();

 private:
  void Replace(std::vector<Item> items) override;
  void Apply(std::vector<WatchEvent> events) override;
  void Put(Item item);
  void Delete(const ObjectKey& key, const Store::Record& last, bool final_unknown);
  void Admit(const std::shared_ptr<Handler>& handler);

  Loop& loop_;
  const std::unique_ptr<Decoder> decoder_;
  Store store_;
  std::map<ObjectKey, absl::Status> broken_;
  std::vector<std::shared_ptr<Handler>> handlers_;
  std::vector<absl::AnyInvocable<void()>> on_synced_;
  bool synced_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Reflector reflector_;  // last: it stops first
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_INFORMER_CORE_H_
