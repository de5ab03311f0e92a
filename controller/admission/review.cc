#include "controller/admission/review.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/kinds/convert.h"
#include "common/api/kinds/ready_gate.h"
#include "common/api/kinds/registry.h"
#include "common/api/schema/values.h"
#include "common/api/status.h"
#include "common/base/status_macros.h"
#include "common/json/diff.h"
#include "common/json/tree.h"
#include "controller/admission/envelope.h"

namespace rekindle::admission {
namespace {

enum class Operation { kCreate, kUpdate, kDelete, kOther };

Operation OperationOf(absl::string_view text) {
  if (text == "CREATE") return Operation::kCreate;
  if (text == "UPDATE") return Operation::kUpdate;
  return text == "DELETE" ? Operation::kDelete : Operation::kOther;
}

// What the rules made of a request.
struct Verdict {
  absl::Status status;
  Json patch;  // an array; null or empty: nothing is changed
  std::vector<std::string> warnings;
};

Verdict Refuse(const absl::Status& status) { return {.status = status}; }
Verdict Refuse(absl::string_view text) { return Refuse(api::ToStatus(api::BadRequest(text))); }

// A review's request, its members looked up.
struct Asked {
  const Webhook* webhook = nullptr;
  const api::KindInfo* kind = nullptr;
  Operation operation = Operation::kOther;
  std::string name_space;
  const Json* object = nullptr;
  const Json* old = nullptr;
};

absl::Status CheckTypes(const Json& object, const api::KindInfo& kind) {
  const std::string mistyped = api::FirstMistyped(object, *kind.type, kind.kind);
  if (mistyped.empty()) return absl::OkStatus();
  return api::ToStatus(
      api::BadRequest(absl::StrCat(kind.kind, " in version \"", kind.version,
                                   "\" cannot be handled as a ", kind.kind, ": ", mistyped)));
}

// True when the object is being deleted and `now` has nothing but fewer finalizers.
bool OnlyReleases(const Json& now, const Json& old) {
  if (json::Find(old, {"metadata", "deletionTimestamp"}) == nullptr) return false;
  const auto rest = [](const Json& object) {
    Json out = object;
    Json& metadata = out["metadata"];
    // The last three are the server's own.
    for (const char* member : {"finalizers", "managedFields", "resourceVersion", "generation"}) {
      metadata.erase(member);
    }
    return out;
  };
  const auto finalizers = [](const Json& object) {
    const Json* list = json::Find(object, {"metadata", "finalizers"});
    return list != nullptr && list->is_array() ? *list : Json::array();
  };
  const Json before = finalizers(old);
  const Json left = finalizers(now);
  for (const Json& one : left) {
    if (std::find(before.begin(), before.end(), one) == before.end()) return false;
  }
  return left.size() < before.size() && now.is_object() && now.contains("metadata") &&
         now["metadata"].is_object() && rest(now) == rest(old);
}

// Rules change the spec, labels and annotations. All else is the server's and stays as it came, so
// that a patch says what is meant and nothing more.
Json OurParts(const Json& given, const Json& made) {
  Json out = given;
  const auto take = [](const Json* value, const char* member, Json& into) {
    if (value != nullptr) {
      into[member] = *value;
    } else {
      into.erase(member);
    }
  };
  take(json::Find(made, "spec"), "spec", out);
  Json metadata = given.value("metadata", Json::object());
  if (!metadata.is_object()) metadata = Json::object();
  for (const char* map : {"labels", "annotations"}) {
    take(json::Find(made, {"metadata", map}), map, metadata);
  }
  if (given.contains("metadata") || !metadata.empty()) out["metadata"] = std::move(metadata);
  return out;
}

// The object with its place, which a create may leave out (spec kubernetes-api 14.2).
Json Placed(const Asked& asked) {
  Json object = *asked.object;
  if (asked.kind->namespaced) object["metadata"]["namespace"] = asked.name_space;
  return object;
}

api::AdmissionRequest RequestOf(const Asked& asked, Json* object, const ReviewContext& context) {
  return {.kind = asked.kind,
          .object = object,
          .old = asked.operation == Operation::kUpdate ? asked.old : nullptr,
          .gates = context.gates,
          .reader = context.reader,
          .now = context.now};
}

Verdict Mutate(const Asked& asked, const ReviewContext& context) {
  Json made = Placed(asked);
  if (absl::Status status = api::MakeDefaults(RequestOf(asked, &made, context)); !status.ok()) {
    return Refuse(status);
  }
  Verdict verdict;
  // A restart request is never changed after its creation (spec container-recreate 5.2).
  if (asked.operation == Operation::kUpdate && asked.kind->kind == "ContainerRecreateRequest") {
    return verdict;
  }
  const Json wanted = OurParts(*asked.object, made);
  verdict.patch = json::ToJsonPatch(json::Diff(*asked.object, wanted));
  // What a write through the older version takes away is in the stored version only.
  if (asked.operation == Operation::kUpdate && asked.kind->version != "v1beta1" &&
      asked.kind->kind == "StatefulSet" && context.reader != nullptr) {
    const absl::StatusOr<Json> stored =
        context.reader->Get(absl::StrCat(api::kKruiseGroup, "/v1beta1"), "StatefulSet",
                            asked.name_space, json::String(*asked.object, {"metadata", "name"}));
    // Unknown: no warning.
    if (stored.ok()) verdict.warnings = api::LostByWrite(*stored, *asked.kind);
  }
  return verdict;
}

Verdict Validate(const Asked& asked, const ReviewContext& context) {
  Json object = Placed(asked);
  // The rules of images come with their defaults; what those would change is not asked here.
  if (asked.kind->kind == "ImagePullJob" || asked.kind->kind == "NodeImage") {
    Json copy = object;
    if (absl::Status status = api::MakeDefaults(RequestOf(asked, &copy, context)); !status.ok()) {
      return Refuse(status);
    }
  }
  return Refuse(api::Validate(RequestOf(asked, &object, context)));
}

// `old` and `object` are there as the operation needs them.
Verdict Judge(Asked asked, const ReviewContext& context) {
  if (asked.operation == Operation::kDelete) {
    return Refuse(api::AdmitDelete(*asked.kind, *asked.old, context.gates));
  }
  if (absl::Status status = CheckTypes(*asked.object, *asked.kind); !status.ok()) {
    return Refuse(status);
  }
  Json old;
  if (asked.operation == Operation::kUpdate) {
    if (OnlyReleases(*asked.object, *asked.old)) return {};
    if (absl::Status status = CheckTypes(*asked.old, *asked.kind); !status.ok()) {
      return Refuse(status);
    }
    // It may have been stored without our defaults, which the new one gets before they are
    // compared.
    old = *asked.old;
    api::PruneAndDefault(old, *asked.kind->type);
    asked.old = &old;
  }
  return asked.webhook->phase == Phase::kMutate ? Mutate(asked, context) : Validate(asked, context);
}

// Defaults of a pod are the API server's; the patch has the gate and nothing else.
Verdict GatePod(const Json& request, const ReviewContext& context) {
  Verdict verdict;
  const Json* pod = json::Find(request, "object");
  if (pod == nullptr || json::String(request, "operation") != "CREATE" ||
      !json::String(request, "subResource").empty() || !api::WantsReadyGate(*pod, context.gates)) {
    return verdict;
  }
  Json made = *pod;
  api::AddReadyGate(made);
  const Json& gates = made["spec"]["readinessGates"];
  const bool first = gates.size() == 1;
  verdict.patch = Json::array({{{"op", "add"},
                                {"path", first ? "/spec/readinessGates" : "/spec/readinessGates/-"},
                                {"value", first ? gates : gates.back()}}});
  return verdict;
}

Verdict Decide(const Webhook& webhook, const Json& request, const ReviewContext& context) {
  Asked asked{.webhook = &webhook};
  const absl::string_view group = json::String(request, {"resource", "group"});
  const absl::string_view plural = json::String(request, {"resource", "resource"});
  if (webhook.pods && group.empty() && plural == webhook.plural) return GatePod(request, context);
  if (group != api::kKruiseGroup) {
    Verdict verdict;
    verdict.warnings.push_back(
        absl::StrCat("a webhook of Rekindle is registered for something that is not of ",
                     api::kKruiseGroup, "; it was let through unseen"));
    return verdict;
  }
  if (!json::String(request, "subResource").empty()) return {};
  if (plural != webhook.plural) {
    return Refuse(absl::StrCat(webhook.path, " is for ", webhook.plural, ", not for ", plural));
  }
  // Any version but v1beta1 is read as v1alpha1 (spec container-recreate 5).
  const absl::string_view version =
      json::String(request, {"resource", "version"}) == "v1beta1" ? "v1beta1" : "v1alpha1";
  asked.kind = api::Kinds().FindResource(group, version, plural);
  if (asked.kind == nullptr) return Refuse(absl::StrCat("nobody knows ", plural, " here"));
  asked.operation = OperationOf(json::String(request, "operation"));
  asked.name_space = std::string(json::String(request, "namespace"));
  if (asked.operation == Operation::kOther ||
      (asked.operation == Operation::kDelete && !webhook.deletes)) {
    return {};
  }
  const auto object = [&](const char* member) -> const Json* {
    const Json* found = json::Find(request, member);
    return found != nullptr && found->is_object() ? found : nullptr;
  };
  asked.object = object("object");
  asked.old = object("oldObject");
  if (asked.operation != Operation::kDelete && asked.object == nullptr) {
    return Refuse("request.object is missing or no object");
  }
  if (asked.operation != Operation::kCreate && asked.old == nullptr) {
    return Refuse("request.oldObject is missing or no object");
  }
  return Judge(asked, context);
}

}  // namespace

absl::string_view OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAllowed:
      return "allowed";
    case Outcome::kPatched:
      return "patched";
    case Outcome::kDenied:
      return "denied";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kConverted:
      return "converted";
    case Outcome::kUnconverted:
      return "unconverted";
    case Outcome::kMalformed:
      break;
  }
  return "malformed";
}

ReviewAnswer AnswerAdmission(const Webhook& webhook, absl::string_view body,
                             const ReviewContext& context) {
  absl::StatusOr<Envelope> envelope = OpenEnvelope(body, "admission.k8s.io", "AdmissionReview");
  if (!envelope.ok()) return Malformed(envelope.status());
  const Json& request = envelope->review["request"];
  if (json::String(request, "operation").empty() ||
      json::String(request, {"resource", "resource"}).empty()) {
    return Malformed(absl::InvalidArgumentError(
        "this is no AdmissionReview: request.operation or request.resource is missing"));
  }
  const Verdict verdict = Decide(webhook, request, context);
  ReviewAnswer answer;
  Json response = {{"uid", envelope->uid}, {"allowed", verdict.status.ok()}};
  if (!verdict.status.ok()) {
    const api::ApiError error =
        api::FromStatus(verdict.status).value_or(api::InternalError(verdict.status.message()));
    response["status"] = api::ErrorToJson(error);
    answer.outcome = error.code < 500 ? Outcome::kDenied : Outcome::kFailed;
    answer.why = error.message;
  } else if (!verdict.patch.empty()) {
    response["patchType"] = "JSONPatch";
    response["patch"] = absl::Base64Escape(json::Dump(verdict.patch));
    answer.outcome = Outcome::kPatched;
  } else {
    answer.outcome = Outcome::kAllowed;
  }
  if (!verdict.warnings.empty()) response["warnings"] = verdict.warnings;
  answer.body = json::Dump({{"apiVersion", envelope->api_version},
                            {"kind", "AdmissionReview"},
                            {"response", std::move(response)}});
  return answer;
}

}  // namespace rekindle::admission
