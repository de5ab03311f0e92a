#include "common/api/kinds/convert.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/keys.h"
#include "common/api/kinds/registry.h"
#include "common/api/time.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

constexpr absl::string_view kDrain = "PreRecreateGrace";
constexpr absl::string_view kDrainMessage =
    "Pod has been forced to not-ready for unreadyGracePeriodSeconds drain";

// Members of a rolling update that both versions of CloneSet have.
constexpr const char* kRolling[] = {"partition", "maxUnavailable",   "maxSurge",
                                    "paused",    "priorityStrategy", "scatterStrategy"};

Json* FindObject(Json& tree, const char* name) {
  if (!tree.is_object()) return nullptr;
  const auto it = tree.find(name);
  return it == tree.end() || !it->is_object() ? nullptr : &*it;
}

std::string Annotation(const Json& object, absl::string_view key) {
  return std::string(json::String(object, {"metadata", "annotations", key}));
}

// ---- CloneSet

// The three settings of pulling beforehand are annotations in v1alpha1.
void AnnotationsToStrategy(const Json& object, Json& rolling) {
  Json strategy = rolling.value("inPlaceUpdateStrategy", Json());
  Json out = Json::object();
  if (strategy.is_object() && strategy.contains("gracePeriodSeconds")) {
    out["gracePeriodSeconds"] = strategy["gracePeriodSeconds"];
  }
  const std::string parallelism = Annotation(object, kAnnotationPreDownloadParallelism);
  int32_t number = 0;
  if (!parallelism.empty()) {
    out["imagePreDownloadParallelism"] =
        absl::SimpleAtoi(parallelism, &number) ? Json(number) : Json(parallelism);
  }
  const auto seconds = [&](absl::string_view key, const char* member) {
    if (absl::SimpleAtoi(Annotation(object, key), &number)) out[member] = number;
  };
  seconds(kAnnotationPreDownloadTimeout, "imagePreDownloadTimeoutSeconds");
  seconds(kAnnotationPreDownloadMinReady, "imagePreDownloadMinUpdatedReadyPods");
  rolling.erase("inPlaceUpdateStrategy");
  if (strategy.is_object() || !out.empty()) rolling["inPlaceUpdateStrategy"] = std::move(out);
}

void StrategyToAnnotations(Json& object, Json& rolling) {
  const Json strategy = rolling.value("inPlaceUpdateStrategy", Json());
  rolling.erase("inPlaceUpdateStrategy");
  if (!strategy.is_object()) return;
  const auto annotate = [&](const char* member, absl::string_view key) {
    const auto it = strategy.find(member);
    if (it == strategy.end() || it->is_null()) return;
    object["metadata"]["annotations"][std::string(key)] =
        it->is_string() ? it->get<std::string>() : it->dump();
  };
  annotate("imagePreDownloadParallelism", kAnnotationPreDownloadParallelism);
  annotate("imagePreDownloadTimeoutSeconds", kAnnotationPreDownloadTimeout);
  annotate("imagePreDownloadMinUpdatedReadyPods", kAnnotationPreDownloadMinReady);
  // An object of nothing but zeroes says nothing; one that only held what is now in annotations
  // stays, so that the way back is the same.
  Json kept = Json::object();
  if (const auto grace = json::Int(strategy, "gracePeriodSeconds"); grace.value_or(0) != 0) {
    kept["gracePeriodSeconds"] = *grace;
  }
  if (!kept.empty()) rolling["inPlaceUpdateStrategy"] = std::move(kept);
}

void CloneSetUp(Json& object) {
  Json* spec = FindObject(object, "spec");
  if (spec == nullptr) return;
  const bool excluded =
      json::String(object, {"metadata", "labels", kLabelExcludePreparingDelete}) == "true";
  Json& scale = (*spec)["scaleStrategy"];
  if (!scale.is_object()) scale = Json::object();
  scale["enablePVCReuse"] = !json::Bool(scale, {"disablePVCReuse"});
  scale.erase("disablePVCReuse");
  if (excluded) scale["excludePreparingDelete"] = true;

  const Json flat = spec->value("updateStrategy", Json::object());
  const std::string type(json::String(flat, "type"));
  Json strategy = Json::object();
  if (type == "OnDelete") {
    strategy["type"] = "OnDelete";
  } else {
    strategy["type"] = "RollingUpdate";
    Json& rolling = strategy["rollingUpdate"];
    rolling = Json::object();
    rolling["podUpdatePolicy"] =
        type == "InPlaceIfPossible" || type == "InPlaceOnly" ? type : "ReCreate";
    for (const char* member : kRolling) {
      if (flat.is_object() && flat.contains(member)) rolling[member] = flat[member];
    }
    if (flat.is_object() && flat.contains("inPlaceUpdateStrategy")) {
      rolling["inPlaceUpdateStrategy"] = flat["inPlaceUpdateStrategy"];
    }
    AnnotationsToStrategy(object, rolling);
  }
  (*spec)["updateStrategy"] = std::move(strategy);
}

void CloneSetDown(Json& object) {
  Json* spec = FindObject(object, "spec");
  if (spec == nullptr) return;
  if (Json* scale = FindObject(*spec, "scaleStrategy"); scale != nullptr) {
    // v1alpha1 has a label for it; without it the next write through v1alpha1 would forget (5.3).
    if (json::Bool(*scale, {"excludePreparingDelete"})) {
      object["metadata"]["labels"][std::string(kLabelExcludePreparingDelete)] = "true";
    }
    scale->erase("excludePreparingDelete");
    (*scale)["disablePVCReuse"] = !json::Bool(*scale, {"enablePVCReuse"});
    scale->erase("enablePVCReuse");
  } else {
    (*spec)["scaleStrategy"] = {{"disablePVCReuse", true}};
  }
  Json nested = spec->value("updateStrategy", Json::object());
  if (!nested.is_object()) nested = Json::object();
  Json rolling = nested.value("rollingUpdate", Json::object());
  if (!rolling.is_object()) rolling = Json::object();
  Json flat = Json::object();
  const std::string policy(json::String(rolling, "podUpdatePolicy"));
  if (json::String(nested, "type") == "OnDelete") {
    flat["type"] = "OnDelete";
  } else {
    flat["type"] = policy == "InPlaceIfPossible" || policy == "InPlaceOnly" ? policy : "ReCreate";
  }
  for (const char* member : kRolling) {
    if (rolling.contains(member)) flat[member] = rolling[member];
  }
  StrategyToAnnotations(object, rolling);
  if (rolling.contains("inPlaceUpdateStrategy")) {
    flat["inPlaceUpdateStrategy"] = rolling["inPlaceUpdateStrategy"];
  }
  (*spec)["updateStrategy"] = std::move(flat);
}

// ---- StatefulSet: v1alpha1 is a subset

constexpr const char* kBetaSpec[] = {"reserveOrdinals", "lifecycle",
                                     "scaleStrategy",   "persistentVolumeClaimRetentionPolicy",
                                     "ordinals",        "volumeClaimUpdateStrategy"};
constexpr const char* kBetaStatus[] = {"updatedReadyReplicas", "updatedAvailableReplicas",
                                       "volumeClaims"};

void StatefulSetDown(Json& object) {
  if (Json* spec = FindObject(object, "spec"); spec != nullptr) {
    for (const char* member : kBetaSpec) spec->erase(member);
  }
  if (Json* status = FindObject(object, "status"); status != nullptr) {
    for (const char* member : kBetaStatus) status->erase(member);
  }
}

// ---- ContainerRecreateRequest

void RecreateUp(Json& object, std::vector<std::string>* warnings) {
  const auto warn = [&](absl::string_view text) {
    if (warnings != nullptr) warnings->emplace_back(text);
  };
  Json status = object.value("status", Json());
  if (!status.is_object()) status = Json::object();
  if (const std::string text = Annotation(object, kAnnotationRecreateStatuses); !text.empty()) {
    absl::StatusOr<Json> list = json::Parse(text);
    if (list.ok() && list->is_array()) {
      status["containerStatusSnapshot"] = *std::move(list);
    } else {
      warn(absl::StrCat("annotation ", kAnnotationRecreateStatuses,
                        " is no JSON list and was ignored"));
    }
  }
  if (const std::string text = Annotation(object, kAnnotationRecreateUnready); !text.empty()) {
    if (const auto time = ParseTime(text); time.has_value()) {
      status["conditions"] = Json::array({{{"type", kDrain},
                                           {"status", "True"},
                                           {"reason", kDrain},
                                           {"message", kDrainMessage},
                                           {"lastTransitionTime", api::FormatTime(*time)}}});
    } else {
      warn(absl::StrCat("annotation ", kAnnotationRecreateUnready, " is no time and was ignored"));
    }
  }
  // v1beta1 knows no empty phase (4.3.6).
  if (json::String(status, "phase").empty()) status.erase("phase");
  // A snapshot or condition without phase would break the schema's rule; then it stays to be read
  // as "Pending", which is what it is.
  if (!status.empty() && !status.contains("phase")) status["phase"] = "Pending";
  if (status.empty()) {
    object.erase("status");
  } else {
    object["status"] = std::move(status);
  }
}

void RecreateDown(Json& object) {
  Json* status = FindObject(object, "status");
  if (status == nullptr) return;
  if (const auto it = status->find("containerStatusSnapshot");
      it != status->end() && it->is_array()) {
    // In the order of members that readers of the annotation compare byte for byte.
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Json& one : *it) {
      nlohmann::ordered_json entry;
      entry["name"] = std::string(json::String(one, "name"));
      entry["ready"] = json::Bool(one, {"ready"});
      entry["restartCount"] = json::Int(one, "restartCount").value_or(0);
      const std::string id(json::String(one, "containerID"));
      if (!id.empty()) entry["containerID"] = id;
      list.push_back(std::move(entry));
    }
    object["metadata"]["annotations"][std::string(kAnnotationRecreateStatuses)] =
        list.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  }
  if (const auto it = status->find("conditions"); it != status->end() && it->is_array()) {
    for (const Json& one : *it) {
      if (json::String(one, "type") != kDrain || json::String(one, "status") != "True") continue;
      if (const auto time = ParseTime(json::String(one, "lastTransitionTime")); time.has_value()) {
        object["metadata"]["annotations"][std::string(kAnnotationRecreateUnready)] =
            api::FormatTime(*time);
      }
      break;
    }
  }
  status->erase("containerStatusSnapshot");
  status->erase("conditions");
}

void NodeImageDown(Json& object) {
  Json* spec = FindObject(object, "spec");
  Json* images = spec == nullptr ? nullptr : FindObject(*spec, "images");
  if (images == nullptr) return;
  for (Json& image : *images) {
    if (!image.is_object() || !image.contains("pullSecrets")) continue;
    for (Json& secret : image["pullSecrets"]) {
      if (secret.is_object()) secret.erase("mode");
    }
  }
}

}  // namespace

absl::StatusOr<Json> Convert(const Json& object, const KindInfo& to,
                             std::vector<std::string>* warnings) {
  const absl::string_view version = json::String(object, "apiVersion");
  const absl::string_view kind = json::String(object, "kind");
  const KindInfo* from = Kinds().Find(version, kind);
  if (from == nullptr || from->group != to.group || from->kind != to.kind) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot convert ", version, " ", kind, " to ", to.ApiVersion(), " ", to.kind));
  }
  Json out = object;
  if (from->version == to.version) return out;
  for (const char* map : {"labels", "annotations"}) {
    const Json* metadata = json::Find(object, "metadata");
    const Json* value = json::Find(object, {"metadata", map});
    if ((metadata != nullptr && !metadata->is_object()) ||
        (value != nullptr && !value->is_object())) {
      return absl::InvalidArgumentError(absl::StrCat("metadata.", map, " is no map"));
    }
  }
  out["apiVersion"] = to.ApiVersion();
  const bool up = to.version == "v1beta1";
  if (to.kind == "CloneSet") {
    up ? CloneSetUp(out) : CloneSetDown(out);
  } else if (to.kind == "StatefulSet" && !up) {
    StatefulSetDown(out);
  } else if (to.kind == "ContainerRecreateRequest") {
    up ? RecreateUp(out, warnings) : RecreateDown(out);
  } else if (to.kind == "NodeImage" && !up) {
    NodeImageDown(out);
  }
  return out;
}

std::vector<std::string> LostByWrite(const Json& old, const KindInfo& written) {
  std::vector<std::string> out;
  if (written.group != kKruiseGroup || written.version == "v1beta1") return out;
  if (written.kind != "StatefulSet") return out;
  for (const char* member : kBetaSpec) {
    const Json* value = json::Find(old, {"spec", member});
    if (value == nullptr || json::IsEmpty(*value)) continue;
    out.push_back(absl::StrCat("spec.", member, " is not part of ", written.ApiVersion(),
                               " and is lost by this write; use apps.kruise.io/v1beta1"));
  }
  return out;
}

}  // namespace rekindle::api
