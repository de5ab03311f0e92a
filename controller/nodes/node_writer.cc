#include "controller/nodes/node_writer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "controller/nodes/node_object.h"
#include "controller/nodes/pod_plan.h"

namespace rekindle::nodes {

namespace {

constexpr char kManager[] = "rekindle-nodes";

client::WriteOptions Options() { return {.field_manager = kManager}; }

client::ObjectRef LeaseRef(const std::string& node) {
  return {.resource = client::LeaseResource(), .key = {kLeaseNamespace, node}, .subresource = ""};
}

}  // namespace

client::ApiResource NodeResource() {
  return {.group = "", .version = "v1", .plural = "nodes", .kind = "Node", .namespaced = false};
}

// One reconcile on its way.
struct NodeWriter::Task {
  std::string node;
  Done done;
  NodeView view;
  Json current;  // null: there is no object
  NodePatches patches;
  std::optional<absl::Duration> again;

  client::ObjectRef Ref(const char* subresource = "") const {
    return {.resource = NodeResource(), .key = {"", node}, .subresource = subresource};
  }
  void End() {
    if (again.has_value()) return done(std::optional(client::Again{*again}));
    done(std::nullopt);
  }
};

NodeWriter::NodeWriter(Loop& loop, client::ApiClient& api, const client::Informer<Json>& nodes,
                       const NodeDirectory& directory)
    : loop_(loop), api_(api), nodes_(nodes), directory_(directory), begun_(loop.Monotonic()) {}

client::ApiClient::JsonDone NodeWriter::Then(const std::shared_ptr<Task>& task,
                                             std::function<void(absl::StatusOr<Json>)> next) {
  return [alive = alive_, task, next = std::move(next)](absl::StatusOr<Json> got) {
    if (*alive) next(std::move(got));
  };
}

void NodeWriter::Reconcile(const client::ObjectKey& key, absl::Duration /*deadline*/, Done done) {
  auto task = std::make_shared<Task>();
  task->node = key.name;
  task->done = std::move(done);
  if (const auto cached = nodes_.Get(key)) task->current = *cached;
  if (const NodeFollower* follower = directory_.Find(key.name)) {
    task->view = follower->View();
  } else {
    // Made by an earlier life, perhaps: its daemon has some time to say that it is there.
    if (task->current.is_null() || !IsMirrored(task->current)) return task->End();
    const absl::Duration left = begun_ + kSilence - loop_.Monotonic();
    if (left > absl::ZeroDuration()) {
      task->again = left;
      return task->End();
    }
    task->view = {.name = key.name,
                  .silent = true,
                  .trouble = "it has not registered since the controller was started"};
  }
  if (!task->view.alive && !task->view.silent) return task->End();
  if (task->current.is_null()) {
    // Of a node that was never heard there is nothing to show.
    return task->view.info.has_value() ? Create(task) : task->End();
  }
  Write(task);
}

void NodeWriter::Create(const std::shared_ptr<Task>& task) {
  api_.Create(task->Ref(), NodeObjectOf(task->view), Options(),
              Then(task, [this, task](absl::StatusOr<Json> made) {
                // The cache had not seen it yet.
                if (absl::IsAlreadyExists(made.status())) return Read(task);
                if (!made.ok()) return task->done(made.status());
                task->current = *std::move(made);
                Write(task);
              }));
}

void NodeWriter::Read(const std::shared_ptr<Task>& task) {
  api_.Get(task->Ref(), Then(task, [this, task](absl::StatusOr<Json> got) {
             if (!got.ok()) return task->done(got.status());
             task->current = *std::move(got);
             Write(task);
           }));
}

void NodeWriter::Write(const std::shared_ptr<Task>& task) {
  task->patches = PatchesOf(task->current, task->view, loop_.Now());
  if (task->patches.metadata.is_null()) return WriteStatus(task);
  api_.Patch(task->Ref(), client::PatchType::kMerge, task->patches.metadata, Options(),
             Then(task, [this, task](const absl::StatusOr<Json>& patched) {
               if (!patched.ok()) return task->done(patched.status());
               WriteStatus(task);
             }));
}

void NodeWriter::WriteStatus(const std::shared_ptr<Task>& task) {
  if (task->patches.status.is_null()) return RenewLease(task);
  api_.Patch(task->Ref("status"), client::PatchType::kMerge, task->patches.status, Options(),
             Then(task, [this, task](const absl::StatusOr<Json>& patched) {
               if (!patched.ok()) return task->done(patched.status());
               RenewLease(task);
             }));
}

void NodeWriter::RenewLease(const std::shared_ptr<Task>& task) {
  // Once for each sign of life, and never without one.
  const absl::Time heard = task->view.heard;
  const auto last = renewed_.find(task->node);
  if (!task->view.alive || (last != renewed_.end() && last->second == heard)) return task->End();
  const auto renewed = [this, task, heard] {
    renewed_[task->node] = heard;
    task->End();
  };
  api_.Patch(LeaseRef(task->node), client::PatchType::kMerge, LeasePatch(task->node, heard),
             Options(),
             Then(task, [this, task, renewed, heard](const absl::StatusOr<Json>& patched) {
               if (patched.ok()) return renewed();
               if (!absl::IsNotFound(patched.status())) return task->done(patched.status());
               api_.Create(LeaseRef(task->node), NewNodeLease(task->node, heard), Options(),
                           Then(task, [task, renewed](const absl::StatusOr<Json>& made) {
                             if (!made.ok()) return task->done(made.status());
                             renewed();
                           }));
             }));
}

}  // namespace rekindle::nodes
