#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/keys.h"
#include "common/json/tree.h"
#include "controller/readiness/pod_status.h"
#include "controller/readiness/ready_keys.h"
#include "controller/recreate/join.h"
#include "controller/recreate/recreate_controller.h"

namespace rekindle::recreate {
namespace {

client::ObjectRef RefOf(const plan::RecreateRequest& request, const std::string& subresource) {
  return {
      RecreateResource(), {.name_space = request.name_space, .name = request.name}, subresource};
}

client::ObjectKey PodKey(const plan::RecreateRequest& request) {
  return {.name_space = request.name_space, .name = request.pod_name};
}

readiness::ReadyKey KeyOf(const plan::RecreateRequest& request) {
  return {.user_agent = readiness::kRecreateAgent,
          .key = absl::StrCat(request.name_space, "/", request.name)};
}

// The server's word that this will never do must not end the pod's queue: it is tried again, less
// and less often. A request that is gone needs nothing.
absl::Status AfterWrite(const absl::Status& status) {
  if (status.ok() || absl::IsNotFound(status)) return absl::OkStatus();
  if (absl::IsInvalidArgument(status)) {
    return absl::InternalError(absl::StrCat("refused by the API server: ", status.message()));
  }
  return status;
}

}  // namespace

void RecreateController::OnWritten(const plan::RecreateRequest& request, absl::StatusOr<Json> got,
                                   const JoinPtr& join, After after) {
  if (got.ok()) {
    if (absl::StatusOr<plan::RecreateRequest> now = plan::ParseRecreateRequest(*got); now.ok()) {
      written_.insert_or_assign(
          request.uid,
          Written{.request = std::make_shared<const plan::RecreateRequest>(*std::move(now)),
                  .since = loop_.Monotonic()});
    }
    if (after) after();
    join->Wake(absl::ZeroDuration());
  }
  join->End(AfterWrite(got.status()));
}

void RecreateController::WriteStatus(const plan::RecreateRequest& request,
                                     const plan::RecreateStatus& status, const JoinPtr& join,
                                     After after) {
  join->Begin();
  client_.Patch(RefOf(request, "status"), client::PatchType::kMerge,
                plan::RecreateStatusPatch(request, status), {},
                [this, alive = alive_, request, join,
                 after = std::move(after)](absl::StatusOr<Json> got) mutable {
                  if (!*alive) return;
                  OnWritten(request, std::move(got), join, std::move(after));
                });
}

void RecreateController::PatchMetadata(const plan::RecreateRequest& request, Json metadata,
                                       const JoinPtr& join) {
  metadata["resourceVersion"] = request.resource_version;
  client_.Patch(RefOf(request, ""), client::PatchType::kMerge, {{"metadata", std::move(metadata)}},
                {}, [this, alive = alive_, request, join](absl::StatusOr<Json> got) {
                  if (*alive) OnWritten(request, std::move(got), join, nullptr);
                });
}

void RecreateController::TakeFinalizer(const plan::RecreateRequest& request, const JoinPtr& join) {
  Json finalizers = request.finalizers;
  finalizers.push_back(std::string(api::kFinalizerRecreateUnready));
  join->Begin();
  PatchMetadata(request, {{"finalizers", std::move(finalizers)}}, join);
}

void RecreateController::TakeKey(const plan::RecreateRequest& request, const JoinPtr& join) {
  join->Begin();
  readiness::ChangePodStatus(
      client_, PodKey(request), random_,
      [&loop = loop_, key = KeyOf(request), uid = request.pod_uid](const Json& pod) {
        // A pod that took its name is none of this request's business.
        if (json::String(pod, {"metadata", "uid"}) != uid) return std::optional<Json>();
        return readiness::AddReadyKey(pod, key, loop.Now());
      },
      [this, alive = alive_, request, join](const absl::Status& status) {
        if (!*alive) return;
        const auto works = works_.find(PodKey(request));
        if (status.ok() && works != works_.end()) {
          const auto work = works->second.find(request.uid);
          if (work != works->second.end()) work->second->KeyTaken();
        }
        join->Wake(absl::ZeroDuration());
        join->End(AfterWrite(status));
      });
}

void RecreateController::Finish(const plan::RecreateRequest& request, const JoinPtr& join) {
  if (request.HasFinalizer()) {
    join->Begin();
    return readiness::ChangePodStatus(
        client_, PodKey(request), random_,
        [&loop = loop_, key = KeyOf(request)](const Json& pod) {
          if (json::Find(pod, {"metadata", "deletionTimestamp"}) != nullptr) {
            return std::optional<Json>();
          }
          return readiness::RemoveReadyKey(pod, key, loop.Now());
        },
        [this, alive = alive_, request, join](const absl::Status& status) {
          if (!*alive) return;
          if (!status.ok() && !absl::IsNotFound(status)) return join->End(AfterWrite(status));
          Tidied(request, join);
        });
  }
  if (request.deleting) return;
  if (request.active) {
    join->Begin();
    return Tidied(request, join);
  }
  if (!request.ttl.has_value()) return;
  const absl::Duration left =
      request.completed.value_or(absl::InfinitePast()) + *request.ttl - loop_.Now();
  if (left > absl::ZeroDuration()) return join->Wake(left);
  join->Begin();
  client_.Delete(RefOf(request, ""), {.uid = request.uid},
                 [alive = alive_, join](const absl::StatusOr<Json>& got) {
                   if (*alive) join->End(AfterWrite(got.status()));
                 });
}

// Finalizer and label go in one write, after the pod has been released.
void RecreateController::Tidied(const plan::RecreateRequest& request, const JoinPtr& join) {
  Json metadata = Json::object();
  if (request.HasFinalizer()) {
    std::vector<std::string> others = request.finalizers;
    std::erase(others, api::kFinalizerRecreateUnready);
    metadata["finalizers"] = others.empty() ? Json() : Json(std::move(others));
  }
  if (request.active && !request.deleting) {
    metadata["labels"] = {{std::string(api::kLabelRecreateActive), nullptr}};
  }
  PatchMetadata(request, std::move(metadata), join);
}

}  // namespace rekindle::recreate
