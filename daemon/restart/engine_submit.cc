// How a request becomes operations: read the pod, admit, journal, answer.
#include <utility>

#include "absl/strings/str_cat.h"

#include "daemon/restart/admission.h"
#include "daemon/restart/engine_impl.h"
#include "daemon/restart/pod_reader.h"

namespace rekindle::restart {

void EngineImpl::Submit(RestartRequest request, SubmitReply reply) {
  // Replies never arrive inline.
  auto later = [this](SubmitReply to, absl::StatusOr<std::vector<OperationRecord>> answer) {
    deps_.loop.Post(
        [to = std::move(to), answer = std::move(answer)]() mutable { to(std::move(answer)); });
  };
  if (absl::Status valid = CheckRequest(request); !valid.ok()) {
    return later(std::move(reply), valid);
  }
  if (requests_.contains(request.request_id)) {
    if (absl::Status attach = CheckAttach(request); !attach.ok()) {
      return later(std::move(reply), attach);
    }
    return later(std::move(reply), OfRequest(request.request_id));
  }
  if (auto it = submissions_.find(request.request_id); it != submissions_.end()) {
    it->second.replies.push_back(std::move(reply));
    return;
  }
  if (!accepting_) return later(std::move(reply), absl::UnavailableError(accepting_reason_));
  if (active_ + request.containers.size() > options_.max_active) {
    return later(std::move(reply), absl::ResourceExhaustedError(absl::StrCat(
                                       "too many operations: ", active_, " are under way, ",
                                       options_.max_active, " is the limit")));
  }
  const std::string id = request.request_id;
  std::vector<std::string> names;
  for (const ContainerRestart& container : request.containers) names.push_back(container.name);
  const PodRef pod = request.pod;
  Submission& submission = submissions_[id];
  submission.request = std::move(request);
  submission.replies.push_back(std::move(reply));
  ReadPodDetails(deps_.runtime, pod, std::move(names),
                 [this, id, alive = std::weak_ptr<bool>(alive_)](absl::StatusOr<PodDetails> read) {
                   if (alive.lock()) OnRead(id, std::move(read));
                 });
}

absl::Status EngineImpl::CheckAttach(const RestartRequest& request) const {
  const std::vector<std::string>& ids = requests_.at(request.request_id);
  const OperationRecord& first = entries_.at(ids.front()).current();
  bool same = first.pod.ns == request.pod.ns && first.pod.name == request.pod.name &&
              ids.size() == request.containers.size();
  for (size_t i = 0; same && i < ids.size(); ++i) {
    same = entries_.at(ids[i]).current().container_name == request.containers[i].name;
  }
  if (same) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("request_id: ", request.request_id,
                                                 " was used for other containers of ", first.pod.ns,
                                                 "/", first.pod.name));
}

void EngineImpl::OnRead(const std::string& request_id, absl::StatusOr<PodDetails> pod) {
  const RestartRequest& request = submissions_.at(request_id).request;
  if (!pod.ok() && !SaysSomethingOfThePod(pod.status())) {
    return Answer(request_id, absl::UnavailableError(absl::StrCat("the runtime cannot be read: ",
                                                                  pod.status().message())));
  }
  if (!pod.ok()) return Answer(request_id, pod.status());
  absl::StatusOr<std::vector<AdmittedRestart>> admitted = Admit(
      request, *pod, {.now = deps_.loop.Now(), .busy = [this, &pod](const std::string& container) {
                        return Busy(pod->view->pod.uid, container);
                      }});
  if (!admitted.ok()) return Answer(request_id, admitted.status());
  std::vector<Accepted> accepted = BeginAtOnce(*std::move(admitted), *std::move(pod));
  std::vector<OperationRecord> to_store;
  for (const Accepted& one : accepted) {
    to_store.push_back(one.runner != nullptr ? one.runner->record() : one.record);
  }
  deps_.journal.Append(std::move(to_store),
                       [this, request_id, accepted = std::move(accepted),
                        alive = std::weak_ptr<bool>(alive_)](const absl::Status& stored) mutable {
                         if (alive.lock()) OnAppended(request_id, std::move(accepted), stored);
                       });
}

std::vector<EngineImpl::Accepted> EngineImpl::BeginAtOnce(std::vector<AdmittedRestart> admitted,
                                                          PodDetails pod) {
  std::vector<Accepted> accepted;
  for (AdmittedRestart& from : admitted) {
    Accepted& one = accepted.emplace_back();
    one.record = std::move(from.record);
    const ContainerKey key{one.record.pod.uid, one.record.container_name};
    const bool its_turn = (!one.record.ordered || one.record.index == 0) && !draining_ &&
                          one.record.unready_grace <= absl::ZeroDuration() &&
                          one.record.method != Method::kDelegate && !Busy(key.first, key.second);
    if (!its_turn) continue;
    beginning_.insert(key);
    TakeOverAftercare(key, one.record.id());
    one.runner = MakeRunner(one.record);
    PodDetails own;
    own.view = pod.view;
    own.sandbox = pod.sandbox;
    own.current.insert(pod.current.extract(one.record.container_name));
    one.runner->BeginStaged(std::move(own), std::move(from.replacement));
  }
  return accepted;
}

void EngineImpl::OnAppended(const std::string& request_id, std::vector<Accepted> accepted,
                            const absl::Status& stored) {
  std::vector<ContainerKey> keys;
  for (const Accepted& one : accepted) {
    keys.emplace_back(one.record.pod.uid, one.record.container_name);
    if (one.runner != nullptr) beginning_.erase(keys.back());
  }
  if (!stored.ok()) {
    return Answer(
        request_id,
        absl::Status(stored.code(), absl::StrCat("cannot write the journal, nothing was touched: ",
                                                 stored.message())));
  }
  std::vector<OperationRecord> records;
  std::vector<std::shared_ptr<OperationRunner>> begun;
  for (Accepted& one : accepted) {
    records.push_back(one.record);
    if (one.runner != nullptr) begun.push_back(one.runner);
    Add(std::move(one.record), std::move(one.runner));
  }
  // First the work, then the news of it.
  for (const std::shared_ptr<OperationRunner>& runner : begun) {
    if (draining_) runner->Hold();
    runner->Stored();
  }
  Answer(request_id, std::move(records));
  for (const std::shared_ptr<OperationRunner>& runner : begun) {
    if (runner->record().phase == Phase::kStaged) OnChanged(runner->record());
  }
  for (const ContainerKey& key : keys) Advance(key);
}

void EngineImpl::Answer(const std::string& request_id,
                        absl::StatusOr<std::vector<OperationRecord>> answer) {
  auto node = submissions_.extract(request_id);
  for (SubmitReply& reply : node.mapped().replies) reply(answer);
}

}  // namespace rekindle::restart
