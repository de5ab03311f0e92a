#include "controller/nodes/pod_mirror.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/client/resource.h"
#include "common/json/tree.h"

namespace rekindle::nodes {

namespace {

constexpr char kManager[] = "rekindle-nodes";

client::WriteOptions Write() { return {.field_manager = kManager}; }

client::ObjectRef PodRef(const client::ObjectKey& key, const char* subresource = "") {
  return {.resource = client::PodResource(), .key = key, .subresource = subresource};
}

}  // namespace

// One reconcile on its way.
struct PodMirror::Task {
  client::ObjectKey key;
  Done done;
  std::string node;                  // whose pod it is
  std::optional<PodObject> desired;  // none: it is to go
  Json current;                      // null: there is no object
  PodPlan plan;
  bool made_namespace = false;
};

PodMirror::PodMirror(Loop& loop, client::ApiClient& api, const NodeDirectory& directory,
                     const Options& options, Trouble trouble, Silenced silenced)
    : loop_(loop),
      api_(api),
      directory_(directory),
      options_(options),
      trouble_(std::move(trouble)),
      silenced_(std::move(silenced)) {}

const std::string& PodMirror::LastWritten(const client::ObjectKey& key) const {
  static const std::string* const kNone = new std::string();
  const auto it = written_.find(key);
  return it == written_.end() ? *kNone : it->second;
}

PodMirror::Desired PodMirror::Find(const client::ObjectKey& key,
                                   const std::string& current_node) const {
  Desired out;
  for (const auto& [name, node] : directory_.nodes()) {
    const node::v1::Pod* pod = node->PodOf(key);
    if (pod == nullptr || (out.pod != nullptr && name != current_node)) continue;
    out = {.pod = pod, .node = node.get()};
  }
  return out;
}

std::string PodMirror::SilenceOf(const std::string& node, const NodeFollower* follower) const {
  if (follower != nullptr) return follower->silence();
  if (!patience_ended_ || node.empty()) return "";
  return absl::StrCat("node ", node, " has not been heard since the controller was started");
}

absl::Duration PodMirror::Unsettled(const client::ObjectKey& key, const node::v1::Pod& pod) {
  std::set<std::string> names;
  for (const auto& container : pod.containers()) names.insert(container.name());
  std::string text = pod.sandbox_id();
  for (const std::string& name : names) absl::StrAppend(&text, " ", name);
  Shape& shape = shapes_[key];
  if (shape.containers != text) shape = {.containers = text, .since = loop_.Monotonic()};
  return std::max(absl::ZeroDuration(), shape.since + options_.settle - loop_.Monotonic());
}

client::ApiClient::JsonDone PodMirror::Then(const std::shared_ptr<Task>& task,
                                            std::function<void(absl::StatusOr<Json>)> next) {
  return [alive = alive_, task, next = std::move(next)](absl::StatusOr<Json> got) {
    if (*alive) next(std::move(got));
  };
}

void PodMirror::End(const std::shared_ptr<Task>& task, Outcome outcome) {
  // The API refuses what we made of it; nothing changes that but the runtime.
  if (absl::IsInvalidArgument(outcome.status())) Tell(task, outcome.status());
  task->done(std::move(outcome));
}

void PodMirror::Reconcile(const client::ObjectKey& key, absl::Duration /*deadline*/, Done done) {
  auto task = std::make_shared<Task>();
  task->key = key;
  task->done = std::move(done);
  api_.Get(PodRef(key),
           Then(task, [this, task](absl::StatusOr<Json> got) { OnRead(task, std::move(got)); }));
}

void PodMirror::OnRead(const std::shared_ptr<Task>& task, absl::StatusOr<Json> got) {
  if (!got.ok() && !absl::IsNotFound(got.status())) return End(task, got.status());
  if (got.ok()) task->current = *std::move(got);
  const Json* current = task->current.is_null() ? nullptr : &task->current;
  const std::string current_node =
      current == nullptr ? "" : std::string(json::String(*current, {"spec", "nodeName"}));
  const NodeFollower* follower = directory_.Find(current_node);
  const bool gone =
      follower != nullptr && follower->synced() && follower->PodOf(task->key) == nullptr;

  const Desired desired = Find(task->key, current_node);
  if (desired.pod != nullptr) {
    task->node = desired.node->node();
    absl::StatusOr<PodObject> object =
        PodObjectOf(*desired.pod, {.node = task->node,
                                   .host_ip = InternalIp(desired.node->View()),
                                   .silence = desired.node->silence()});
    if (object.ok()) {
      task->desired = *std::move(object);
    } else if (!absl::IsFailedPrecondition(object.status())) {
      // What there is stays: it was right when it was made.
      Tell(task, object.status());
      return End(task, std::nullopt);
    }
  } else {
    shapes_.erase(task->key);
  }
  // Of a node that nobody speaks for (yet) nothing is known to be gone.
  const bool known = desired.pod != nullptr || gone;
  if (!task->desired.has_value() && !known) {
    task->plan = PlanUnheard(current, SilenceOf(current_node, follower), loop_.Now());
    return task->plan.action == PodPlan::Action::kPatch ? Patch(task) : End(task, std::nullopt);
  }
  const PodObject* wanted = task->desired.has_value() ? &*task->desired : nullptr;
  task->plan = PlanPod(current, wanted, gone, loop_.Now());

  using Action = PodPlan::Action;
  switch (task->plan.action) {
    case Action::kNothing:
      if (current == nullptr) {
        written_.erase(task->key);
        told_.erase(task->key);
      }
      return End(task, std::nullopt);
    case Action::kForeign:
      Tell(task, absl::AlreadyExistsError("there is a pod of that name that was not made of it"));
      return End(task, std::nullopt);
    case Action::kDelete:
      return Delete(task, false);
    case Action::kPatch:
      return Patch(task);
    case Action::kCreate:
    case Action::kReplace: {
      const absl::Duration wait = Unsettled(task->key, *desired.pod);
      if (wait > absl::ZeroDuration()) return End(task, client::Again{wait});
      return task->plan.action == Action::kCreate ? Create(task) : Delete(task, true);
    }
  }
}

void PodMirror::Create(const std::shared_ptr<Task>& task) {
  api_.Create(PodRef(task->key), task->desired->Whole(), Write(),
              Then(task, [this, task](absl::StatusOr<Json> made) {
                if (absl::IsNotFound(made.status()) && !task->made_namespace) {
                  return MakeNamespace(task);
                }
                if (!made.ok()) return End(task, made.status());
                Wrote(task, *made);
                PatchStatus(task, InitialStatus(*task->desired, *made, loop_.Now()));
              }));
}

void PodMirror::MakeNamespace(const std::shared_ptr<Task>& task) {
  task->made_namespace = true;
  const std::string& name = task->key.name_space;
  const Json object = {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}}}};
  api_.Create({.resource = client::NamespaceResource(), .key = {"", name}, .subresource = ""},
              object, Write(), Then(task, [this, task](absl::StatusOr<Json> made) {
                if (!made.ok() && !absl::IsAlreadyExists(made.status())) {
                  return End(task, made.status());
                }
                Create(task);
              }));
}

void PodMirror::Delete(const std::shared_ptr<Task>& task, bool then_create) {
  client::DeleteOptions options;
  options.uid = std::string(json::String(task->current, {"metadata", "uid"}));
  options.grace_seconds = 0;
  api_.Delete(PodRef(task->key), options,
              Then(task, [this, task, then_create](const absl::StatusOr<Json>& got) {
                if (!got.ok() && !absl::IsNotFound(got.status())) return End(task, got.status());
                written_.erase(task->key);
                if (then_create) return Create(task);
                told_.erase(task->key);
                End(task, std::nullopt);
              }));
}

void PodMirror::Patch(const std::shared_ptr<Task>& task) {
  if (task->plan.patch.is_null()) return PatchStatus(task, task->plan.status);
  api_.Patch(PodRef(task->key), client::PatchType::kMerge, task->plan.patch, Write(),
             Then(task, [this, task](absl::StatusOr<Json> patched) {
               if (!patched.ok()) return End(task, patched.status());
               Wrote(task, *patched);
               if (task->plan.status.is_null()) return End(task, std::nullopt);
               Json status = std::move(task->plan.status);
               status["metadata"]["resourceVersion"] = (*patched)["metadata"]["resourceVersion"];
               PatchStatus(task, status);
             }));
}

void PodMirror::PatchStatus(const std::shared_ptr<Task>& task, const Json& patch) {
  api_.Patch(PodRef(task->key, "status"), client::PatchType::kMerge, patch, Write(),
             Then(task, [this, task](absl::StatusOr<Json> patched) {
               if (!patched.ok()) return End(task, patched.status());
               Wrote(task, *patched);
               told_.erase(task->key);
               if (task->plan.silenced) silenced_(*patched);
               End(task, std::nullopt);
             }));
}

void PodMirror::Wrote(const std::shared_ptr<Task>& task, const Json& object) {
  written_[task->key] = std::string(json::String(object, {"metadata", "resourceVersion"}));
}

void PodMirror::Tell(const std::shared_ptr<Task>& task, const absl::Status& why) {
  std::string& told = told_[task->key];
  if (told == why.message()) return;
  told = std::string(why.message());
  trouble_(task->node, task->key, why);
}

}  // namespace rekindle::nodes
