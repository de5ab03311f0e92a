#include "controller/recreate/budgets.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/object_meta.h"
#include "common/api/selector.h"
#include "common/client/decoders.h"
#include "common/json/tree.h"

namespace rekindle::recreate {
namespace {

client::ApiResource BudgetResource() {
  return {.group = "policy",
          .version = "v1",
          .plural = "poddisruptionbudgets",
          .kind = "PodDisruptionBudget"};
}

}  // namespace

Budgets::Budgets(client::ApiClient& client, std::function<void()> changed)
    : client_(client), changed_(std::move(changed)) {}

Budgets::~Budgets() {
  if (informer_ != nullptr) informer_->Stop();
}

Budgets::Answer Budgets::Ask(const Json& pod,
                             const std::function<int(const client::ObjectKey&)>& in_use) {
  Answer answer;
  if (informer_ == nullptr) {
    informer_ = std::make_unique<client::Informer<Json>>(
        client_, client::ReflectorOptions{.collection = {.resource = BudgetResource()}},
        client::TreeDecoder(BudgetResource()));
    using Ptr = client::Informer<Json>::Ptr;
    informer_->AddHandler(
        {.added = [this](const client::ObjectKey&, const Ptr&) { changed_(); },
         .updated = [this](const client::ObjectKey&, const Ptr&, const Ptr&) { changed_(); },
         .deleted = [this](const client::ObjectKey&, const Ptr&, bool) { changed_(); }});
    informer_->OnSynced([this] { changed_(); });
    informer_->Start();
  }
  if (!informer_->synced()) {
    answer.why = "waits for the list of PodDisruptionBudgets";
    // Which a cluster before 1.21 does not serve in this version, say.
    if (const absl::Status& error = informer_->reflector().last_error(); !error.ok()) {
      absl::StrAppend(&answer.why, ": ", error.message());
    }
    return answer;
  }
  const absl::StatusOr<api::ObjectMeta> meta = api::ReadObjectMeta(pod);
  if (!meta.ok()) {
    answer.why = std::string(meta.status().message());
    return answer;
  }
  informer_->ForEach([&](const client::ObjectKey& key, const Json& budget) {
    if (key.name_space != meta->name_space) return;
    const Json* selector = json::Find(budget, {"spec", "selector"});
    const absl::StatusOr<api::Selector> parsed =
        api::Selector::FromJson(selector == nullptr ? Json() : *selector, "spec.selector");
    if (parsed.ok() && !parsed->Matches(meta->labels)) return;
    answer.matches.insert(key);
    const int64_t allowed = json::Int(budget, {"status", "disruptionsAllowed"}).value_or(0);
    const int used = in_use(key);
    if (parsed.ok() && allowed - used > 0) return;
    answer.why = absl::StrCat("waits: PodDisruptionBudget ", key.name, " allows ", allowed,
                              " disruptions now");
    if (used > 0) absl::StrAppend(&answer.why, ", and ", used, " restarts use it");
  });
  return answer;
}

}  // namespace rekindle::recreate
