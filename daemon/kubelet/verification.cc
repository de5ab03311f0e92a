#include "daemon/kubelet/verification.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "daemon/kubelet/ownership.h"
#include "daemon/kubelet/reservation.h"

namespace rekindle::kubelet {
namespace {

namespace v1 = ::runtime::v1;

// The dead record of ours under the attempt that the kubelet will use next.
const v1::Container* Blocker(const std::vector<const v1::Container*>& all) {
  const std::optional<uint32_t> count = RestartCount(all.front()->annotations());
  if (!count.has_value()) return nullptr;
  for (const v1::Container* container : all) {
    if (container->metadata().attempt() == *count + 1 && !MadeBy(*container).empty()) {
      return container;
    }
  }
  return nullptr;
}

}  // namespace

Repair Judge(const std::vector<v1::Container>& containers, absl::string_view name) {
  Repair repair;
  std::vector<const v1::Container*> all;
  for (const v1::Container& container : containers) {
    if (container.metadata().name() == name) all.push_back(&container);
  }
  if (all.empty()) return repair;
  std::vector<std::string> notes;
  for (const v1::Container* container : all) {
    const uint32_t attempt = container->metadata().attempt();
    if (container->state() == v1::CONTAINER_RUNNING) {
      if (repair.current.empty()) {
        repair.current = container->id();
      } else {
        repair.stop.push_back(container->id());
        notes.push_back(absl::StrCat("attempt ", attempt, " ran beside a newer one"));
      }
    } else if (container->state() == v1::CONTAINER_CREATED && !MadeBy(*container).empty()) {
      repair.remove.push_back(container->id());
      notes.push_back(absl::StrCat("attempt ", attempt, " was created and never started"));
    }
  }
  if (repair.current.empty() && all.front()->state() == v1::CONTAINER_EXITED) {
    const v1::Container* blocker = Blocker(all);
    if (blocker != nullptr && blocker->state() == v1::CONTAINER_EXITED) {
      repair.remove.push_back(blocker->id());
      notes.push_back(absl::StrCat("attempt ", blocker->metadata().attempt(),
                                   " was dead and in the kubelet's way"));
    }
  }
  repair.note = absl::StrJoin(notes, "; ");
  return repair;
}

}  // namespace rekindle::kubelet
