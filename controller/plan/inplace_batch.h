#ifndef REKINDLE_CONTROLLER_PLAN_INPLACE_BATCH_H_
#define REKINDLE_CONTROLLER_PLAN_INPLACE_BATCH_H_

#include <map>
#include <string>

#include "controller/plan/inplace.h"

// The parts of the in-place engine (inplace.h): what is still to be written on the containers of a
// pod, and which of it goes first.
namespace rekindle::plan {

// What is still to be written on one container.
struct Pending {
  api::Text image;
  api::RefMetadata metadata;
  api::Resources resources;
  bool restart = false;
  bool replace = false;
  bool env = false;
};
using PendingMap = std::map<uint16_t, Pending>;  // by index of the container

// What moves the containers of `pod` to `target`: the changes of the templates, without those that
// it runs already, and what an interrupted update has left pending (inplace_pending.cc).
PendingMap PlanContainers(const api::PodRecord& pod, const UpdateSpec& update,
                          const Revision& target);
// What a grace document or the next-batch maps of a state hold back.
PendingMap FromGrace(const api::PodRecord& pod, const api::GraceDocument& grace);
PendingMap FromNext(const api::PodRecord& pod, const api::Progress& progress);
// A plain patch that grace held back: its keys get the target's values now.
void MergePlainPatch(const std::string& text, const Revision& target, MetadataChange& out);

// Whether some container stops serving (spec 16.2, 15.7; pitfall 24: not for plain metadata).
bool Disrupts(const api::PodRecord& pod, const PendingMap& pending);
// Writes one batch into `step` and leaves the rest in the state (spec 10).
void WriteBatch(const api::PodRecord& pod, const PendingMap& pending, absl::Time now,
                api::Progress& progress, InPlaceStep& step);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_INPLACE_BATCH_H_
