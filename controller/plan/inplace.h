#ifndef REKINDLE_CONTROLLER_PLAN_INPLACE_H_
#define REKINDLE_CONTROLLER_PLAN_INPLACE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

#include "common/api/pod_record.h"
#include "controller/plan/boxed.h"
#include "controller/plan/inplace_compare.h"
#include "controller/plan/reason.h"
#include "controller/plan/revision.h"

namespace rekindle::plan {

// Whether the last in-place update of a pod has taken effect (spec in-place-update 12).
struct Completion {
  bool done = false;
  bool containers_done = false;  // the container part alone, without grace and pending batches
  Reason why;                    // what is waited for when not done
};
Completion CompletionOf(const api::PodRecord& pod, const InPlaceOptions& options);

// Both images name the same: default registry host, `library/` and `:latest` filled in
// (pitfall 14).
std::string NormalizeImage(absl::string_view image);

// One write step of an in-place update: what changes on the pod, in this order: condition
// InPlaceUpdateReady False; labels, annotations, images, state (and resources below 1.32) in one
// pod write; resources through the resize subresource (label and state first, pitfall 9).
struct InPlaceStep {
  bool set_unready = false;           // condition False with reason StartInPlaceUpdate
  bool set_ready = false;             // condition True, against exactly the seen pod version
  std::optional<api::Text> revision;  // label controller-revision-hash
  std::optional<api::Lifecycle> lifecycle;
  std::vector<std::pair<uint16_t, api::Text>> images;
  std::vector<std::pair<uint16_t, api::Resources>> resources;
  uint64_t restarts = 0;                  // containers that the node daemon has to restart
  uint64_t replaces = 0;                  // of these, with the definition of the new template
  MetadataChange metadata;                // includes values read by environments
  std::optional<api::Progress> progress;  // new state annotation
  Boxed<api::GraceDocument> grace;        // new grace annotation
  bool drop_grace = false;
  bool WritesPod() const { return revision || lifecycle || progress || grace || drop_grace; }
};

// What refresh decides for one pod (spec in-place-update 9 and 11).
struct Refresh {
  Boxed<InPlaceStep> step;
  Reason why;
  bool error = false;                  // needs a human or an event; other pods go on
  std::optional<absl::Duration> wait;  // look again after this
};
Refresh RefreshPod(const api::PodRecord& pod, absl::Time now, const InPlaceOptions& options);

// The first step of moving a pod to `target`. `comparison` is Compare(own revision, target) and
// must be in place. The pod as it is counts: what an interrupted earlier update left pending is
// brought to the target as well, and containers that already run the target are left alone.
// `short_label`: write the bare hash into the revision label (gate CloneSetShortHash).
InPlaceStep StartUpdate(const api::PodRecord& pod, const Comparison& comparison,
                        const Revision& target, int32_t grace_seconds, bool short_label,
                        absl::Time now, const InPlaceOptions& options);

// Why an in-place update that the templates allow is not possible on this pod, if so: a container
// that has ended and would not start again, or an environment change on a pod without gate.
std::optional<Reason> Obstacle(const api::PodRecord& pod, const Comparison& comparison);

// Containers of a pod on `target` whose image is neither the target's nor foreign: it is the image
// of another stored revision, so an interrupted update has left it behind. Images that no revision
// knows (rewritten by a webhook, changed by hand) are reported in `foreign` and left alone.
struct Disagreement {
  std::vector<std::pair<uint16_t, api::Text>> repair;
  std::vector<std::string> foreign;
};
Disagreement ContentOf(const api::PodRecord& pod, const Revision& target,
                       const std::vector<Revision>& history);

// The pod after a step has been written: for models and for the caches of a reconciler.
api::PodRecord ApplyStep(const api::PodRecord& pod, const InPlaceStep& step);

// The writes of a step as the API takes them, in order.
struct Write {
  enum class Kind { kStatus, kPod, kResize, kDaemonRestart };
  Kind kind = Kind::kPod;
  std::shared_ptr<const Json> body;  // strategic merge patch; the daemon's: list of containers
};
std::vector<Write> RenderWrites(const api::PodRecord& pod, const InPlaceStep& step, absl::Time now,
                                const InPlaceOptions& options);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_INPLACE_H_
