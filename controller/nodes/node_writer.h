#ifndef REKINDLE_CONTROLLER_NODES_NODE_WRITER_H_
#define REKINDLE_CONTROLLER_NODES_NODE_WRITER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/client/api_client.h"
#include "common/client/control_loop.h"
#include "common/client/informer.h"
#include "common/json/json_fwd.h"
#include "controller/nodes/directory.h"

namespace rekindle::nodes {

client::ApiResource NodeResource();

// Keeps the Node object and the lease of one node: made when the daemon is heard first, Ready as
// the runtime is, Unknown when the daemon is silent; the lease is renewed as often as it is heard.
// Nodes of an earlier life whose daemon does not come back become unknown as well. Threads: the
// loop's.
class NodeWriter final : public client::Reconciler {
 public:
  // All outlive it.
  NodeWriter(Loop& loop, client::ApiClient& api, const client::Informer<Json>& nodes,
             const NodeDirectory& directory);
  ~NodeWriter() override { *alive_ = false; }

  // Silence of nodes that no daemon speaks for counts from now on.
  void Begin() { begun_ = loop_.Monotonic(); }

  // The namespace of `key` is empty.
  void Reconcile(const client::ObjectKey& key, absl::Duration deadline, Done done) override;

 private:
  struct Task;
  void Create(const std::shared_ptr<Task>& task);
  void Read(const std::shared_ptr<Task>& task);
  void Write(const std::shared_ptr<Task>& task);
  void WriteStatus(const std::shared_ptr<Task>& task);
  void RenewLease(const std::shared_ptr<Task>& task);
  client::ApiClient::JsonDone Then(const std::shared_ptr<Task>& task,
                                   std::function<void(absl::StatusOr<Json>)> next);

  Loop& loop_;
  client::ApiClient& api_;
  const client::Informer<Json>& nodes_;
  const NodeDirectory& directory_;
  absl::Duration begun_;
  std::map<std::string, absl::Time> renewed_;  // the sign of life that each lease tells of
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle::nodes

#endif  // REKINDLE_CONTROLLER_NODES_NODE_WRITER_H_
