// Any bytes as a RestartContainersRequest: it is refused with a field's name, or converted to
// something that keeps the promises which the engine relies on.
#include <cstdint>
#include <cstdlib>

#include "absl/strings/match.h"

#include "daemon/service/constants.h"
#include "daemon/service/convert.h"
#include "daemon/service/fields.h"

using rekindle::service::kMaxContainers;
using rekindle::service::kMaxDuration;

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckContainer(const rekindle::restart::ContainerRestart& container) {
  Require(!container.name.empty() && !absl::StrContains(container.name, '/'));
  Require(container.expected_container_id.empty() || container.expected_container_id.size() == 64);
  if (container.grace) {
    Require(*container.grace >= absl::ZeroDuration() && *container.grace <= kMaxDuration);
  }
  Require(container.min_started >= absl::ZeroDuration() && container.min_started <= kMaxDuration);
  Require(!container.ready_check || container.method == rekindle::restart::Method::kHot);
  Require(!(container.pre_stop && container.skip_pre_stop));
  for (const auto& [name, value] : container.env) {
    Require(!name.empty() && rekindle::service::IsUtf8(value));
    Require(!absl::StrContains(name, '=') && !absl::StrContains(value, '\0'));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  rekindle::node::v1::RestartContainersRequest wire;
  if (!wire.ParseFromArray(data, static_cast<int>(size))) return 0;
  const auto request = rekindle::service::ToRestartRequest(wire);
  if (!request.ok()) {
    Require(absl::StrContains(request.status().message(), ": "));
    Require(absl::IsInvalidArgument(request.status()) ||
            absl::IsFailedPrecondition(request.status()));
    return 0;
  }
  Require(!request->containers.empty() && request->containers.size() <= kMaxContainers);
  Require(!request->request_id.empty() && !absl::StrContains(request->request_id, '/'));
  Require(!request->deadline || *request->deadline > absl::ZeroDuration());
  for (const auto& container : request->containers) CheckContainer(container);
  return 0;
}
