#ifndef REKINDLE_CONTROLLER_PLAN_RECREATE_FIELD_H_
#define REKINDLE_CONTROLLER_PLAN_RECREATE_FIELD_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"

namespace rekindle::plan {

// What a variable reads from its pod.
struct FieldValue {
  std::optional<std::string> value;  // none: only the kubelet knows it
  bool may_change = false;           // while the pod lives
};

// The value of `valueFrom.fieldRef.fieldPath` (node-runtime 3.16): name, namespace, UID, single
// labels and annotations (`metadata.labels['key']`; a missing one is ""), node, service account,
// addresses. Annotations that the kubelet keeps for itself are not known, nor are other paths.
// Pure. Threads: any.
FieldValue ReadField(const Json& pod, absl::string_view path);

// The value of `valueFrom.resourceFieldRef` of a variable of `container`: limit or request of that
// or the named container, divided and rounded up. A missing request is 0; a missing limit is the
// node's size, which is not known here. It may change when the status tells that the resources in
// force are those of the specification (a kubelet that can resize); one that waits for a resize is
// not known. Pure. Threads: any.
FieldValue ReadResource(const Json& pod, const Json& container, const Json& ref);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_RECREATE_FIELD_H_
