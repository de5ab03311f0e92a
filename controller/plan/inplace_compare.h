#ifndef REKINDLE_CONTROLLER_PLAN_INPLACE_COMPARE_H_
#define REKINDLE_CONTROLLER_PLAN_INPLACE_COMPARE_H_

#include <string>
#include <vector>

#include "common/api/inplace_book.h"
#include "common/api/string_map.h"
#include "common/api/text.h"
#include "controller/plan/reason.h"
#include "controller/plan/revision.h"

namespace rekindle::plan {

// What the cluster and its operator allow (spec in-place-update 26).
struct InPlaceOptions {
  bool env_from_metadata = true;   // gate InPlaceUpdateEnvFromMetadata; needs the node daemon
  bool vertical = false;           // gate InPlaceWorkloadVerticalScaling
  bool resize_subresource = true;  // API server 1.32 and newer
  bool claim_rule = false;         // gate RecreatePodWhenChangeVCTInCloneSetGate
  bool bare_metal = false;  // rekindled owns the pods: it can replace a container's definition
  bool restart_annotation =
      true;  // kubectl.kubernetes.io/restartedAt restarts in place (pitfall 25)
};

// "v1.33.4-eks" -> true: server is at least 1.32.0 (spec 15.5; a missing patch part or other text
// counts as older).
bool HasResizeSubresource(absl::string_view server_version);

// The change of one container.
struct ContainerChange {
  std::string name;
  api::Text image;            // empty: unchanged
  api::RefMetadata metadata;  // values that its environment reads
  api::Resources resources;   // only changed values
  bool restart = false;       // the node daemon restarts it with what the pod now says
  bool replace = false;       // bare metal: restarted with the definition of the new template
  bool env = false;           // its environment changes through labels or annotations

  bool Restarts() const { return !image.empty() || env || restart || replace; }
};

// Plain metadata that no environment reads.
struct MetadataChange {
  api::StringMap set_labels;
  api::StringMap set_annotations;
  std::vector<std::string> drop_labels;
  std::vector<std::string> drop_annotations;
  std::vector<std::string> add_finalizers;
  std::vector<std::string> drop_finalizers;
  std::vector<std::string> finalizers;  // final order, when they changed
  bool any = false;  // some metadata differed, even if nothing is left for the patch
};

struct UpdateSpec {
  std::vector<ContainerChange> containers;  // in the order of the new template
  MetadataChange metadata;
  bool env_from_metadata = false;

  ContainerChange& For(const std::string& name);
  bool HasImages() const;
  bool HasResources() const;
  // Only resources change among the containers (metadata does not matter, spec 7.1).
  bool VerticalOnly() const;
  bool Empty() const { return containers.empty() && !metadata.any; }
};

struct Comparison {
  bool in_place = false;
  UpdateSpec update;
  Reason refusal;       // when not in place
  std::string summary;  // "image of web, label tier" for explanations
  std::string words;    // the summary and what happens to the containers: "...; restarts web"
};

// Whether the change from `before` to `after` can be made on a running pod, and how (spec 5 to 7).
// `ignore_claims`: the policy is InPlaceOnly.
Comparison Compare(const Revision& before, const Revision& after, const InPlaceOptions& options,
                   bool ignore_claims);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_INPLACE_COMPARE_H_
