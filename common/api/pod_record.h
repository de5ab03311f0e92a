#ifndef REKINDLE_COMMON_API_POD_RECORD_H_
#define REKINDLE_COMMON_API_POD_RECORD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/api/inplace_book.h"
#include "common/api/string_map.h"
#include "common/api/text.h"
#include "common/json/json_fwd.h"

namespace rekindle::api {

enum class Phase : uint8_t { kNone, kPending, kRunning, kSucceeded, kFailed, kUnknown };
enum class Lifecycle : uint8_t {
  kEmpty,
  kPreparingNormal,
  kNormal,
  kPreparingUpdate,
  kUpdating,
  kUpdated,
  kPreparingDelete,
  kOther,
};
absl::string_view LifecycleName(Lifecycle state);  // label value; "" for kEmpty
enum class Tri : uint8_t { kAbsent, kFalse, kTrue };
enum class Qos : uint8_t { kBestEffort, kBurstable, kGuaranteed };
enum class RestartPolicy : uint8_t { kAlways, kOnFailure, kNever };

// One env entry that reads a label or an annotation of the pod.
struct EnvRef {
  std::string env;
  std::string key;
  bool label = false;
  friend bool operator==(const EnvRef&, const EnvRef&) = default;
};

struct ContainerShape {
  std::string name;
  Text image;
  std::vector<EnvRef> refs;
  std::optional<int32_t> priority;  // from the launch barrier
  Resources resources;
  bool restart_on_cpu = false;  // resizePolicy RestartContainer
  bool restart_on_memory = false;
  bool never_restarts = false;
  uint32_t plain_hash = 0;
};

// What pods of one template have in common. Shared by all of them.
struct PodShape {
  std::vector<ContainerShape> containers;
  std::vector<std::string> claim_volumes;  // volumes whose claim is `<volume>-<pod name>`
  bool gate_in_place = false;
  bool gate_pod_ready = false;
  Qos qos = Qos::kBestEffort;
  RestartPolicy restart_policy = RestartPolicy::kAlways;
  int32_t grace_seconds = 30;

  int IndexOf(absl::string_view container) const;  // -1 when there is none
};
Qos QosOf(const Json& pod_spec);

// What the runtime says about an image; shared by the pods that run it.
struct ImageStatus {
  std::string image;
  std::string id;
};

struct ContainerStatus {
  std::shared_ptr<const ImageStatus> image;    // null: nothing reported
  std::shared_ptr<const Resources> resources;  // null: not reported
  Text waiting;                                // reason, e.g. CrashLoopBackOff
  uint64_t id = 0;          // fingerprint of containerID; 0 before the first start
  uint64_t meta_id = 0;     // the same as the node daemon saw it; 0: no entry
  uint32_t meta_env = 0;    // its hashes; 0: unknown
  uint32_t meta_plain = 0;  // the older form of the hash, where it fits, as the newer one
  int32_t restarts = 0;
  bool present = false;
  bool ready = false;
  bool running = false;

  absl::string_view image_id() const {
    return image ? absl::string_view(image->id) : absl::string_view();
  }
};

// 64-bit fingerprint of a container ID; never 0 for a non-empty text.
uint64_t Fingerprint(absl::string_view text);

// Containers of a pod as bits, in the order of its shape.
inline constexpr size_t kMaxContainers = 64;
constexpr uint64_t Bit(size_t container) { return uint64_t{1} << container; }

// The update state of a pod in compact form: containers are indexes into its shape, and names that
// the pod does not have are gone (in-place-update pitfall 4).
struct Progress {
  struct Value {
    uint16_t container = 0;
    Text text;
    friend bool operator==(const Value&, const Value&) = default;
  };
  struct Batch {
    int64_t time = 0;
    uint64_t containers = 0;
    friend bool operator==(const Batch&, const Batch&) = default;
  };
  Text revision;
  int64_t started = 0;  // Unix seconds; grace is measured from here
  std::vector<Value> last_image_ids;
  std::vector<Value> next_images;
  std::vector<std::pair<uint16_t, uint64_t>> last_ids;  // containers that must restart
  std::vector<Batch> batches;
  std::shared_ptr<const std::map<std::string, RefMetadata>> next_metadata;
  std::shared_ptr<const std::map<std::string, Resources>> next_resources;
  uint64_t next_restarts = 0;
  uint64_t must_be_ready = 0;
  bool env_from_metadata = false;
  bool resources = false;
  bool images = false;
  bool recorded_gone = false;  // a recorded container is no longer part of the pod

  bool HasNext() const {
    return !next_images.empty() || next_metadata || next_resources || next_restarts != 0;
  }
  uint64_t Touched() const {
    uint64_t out = 0;
    for (const Batch& batch : batches) out |= batch.containers;
    return out;
  }
};
Progress CompactState(const InPlaceState& state, const PodShape& shape);
InPlaceState ExpandState(const Progress& progress, const PodShape& shape);

// In-place bookkeeping of one pod.
struct InPlaceBook {
  std::optional<Progress> progress;
  std::shared_ptr<const GraceDocument> grace;
  bool state_invalid = false;
  bool grace_invalid = false;
};

inline constexpr int64_t kNoTime = INT64_MIN;

// Everything of a pod that plans need, in at most 1 KiB including what it does not share
// (MemoryBytes). Copyable; thread-compatible. Times are Unix seconds, kNoTime when unknown.
struct PodRecord {
  std::string name;
  std::string uid;
  Text node;
  Text owner_uid;  // controller reference; empty: none
  Text revision;   // label controller-revision-hash
  std::string instance_id;
  int64_t resource_version = 0;
  int64_t created = kNoTime;
  int64_t ready_since = kNoTime;  // transition time of condition Ready while it is True
  int64_t lifecycle_since = kNoTime;
  std::shared_ptr<const PodShape> shape;
  std::shared_ptr<const StringMap> labels;       // without those that differ from pod to pod
  std::shared_ptr<const StringMap> annotations;  // those that some env entry reads
  std::shared_ptr<const std::vector<std::string>> finalizers;
  std::shared_ptr<const InPlaceBook> book;  // null: no in-place annotation at all
  std::vector<ContainerStatus> statuses;    // one per container of `shape`
  int32_t deletion_cost = 0;
  int32_t max_restarts = 0;          // regular containers
  int32_t max_sidecar_restarts = 0;  // restartable init containers
  Phase phase = Phase::kNone;
  Lifecycle lifecycle = Lifecycle::kEmpty;
  Tri ready = Tri::kAbsent;
  Tri containers_ready = Tri::kAbsent;
  Tri in_place_ready = Tri::kAbsent;
  Tri pod_ready = Tri::kAbsent;    // KruisePodReady
  bool marked_pre_delete = false;  // entries of the lifecycle in KruisePodReady
  bool marked_pre_update = false;
  bool terminating = false;
  bool specified_delete = false;
  bool in_place_noise = false;     // condition InPlaceUpdateReady carries a reason or message
  bool has_template_hash = false;  // label pod-template-hash
  bool meta_present = false;       // the node daemon reports this pod
  bool meta_invalid = false;
  bool name_label_ok = true;  // statefulset.kubernetes.io/pod-name equals the name
  bool unschedulable = false;
  bool resize_infeasible = false;
  bool resize_deferred = false;

  bool Active() const {
    return !terminating && phase != Phase::kSucceeded && phase != Phase::kFailed;
  }
  // Value of a label, whether kept in `labels` or in a field of its own.
  absl::string_view Label(absl::string_view key) const;
  bool HasLabel(absl::string_view key) const;
  bool HasFinalizer(absl::string_view name) const;
  // All labels together, for selectors.
  StringMap AllLabels() const;
  // Own and exclusively held heap bytes; shared parts are not counted.
  size_t MemoryBytes() const;
};

// The containers of a pod or a template, prepared for PodParser. Pods whose containers are the same
// may share one; it points into the tree that it was made of.
struct PodContainers {
  const Json* list = nullptr;
  const Json* init = nullptr;  // null: none
  std::string key;             // what shapes depend on, as a text
};
// Errors: kInvalidArgument naming the field when there are none, or more than kMaxContainers.
absl::StatusOr<PodContainers> ContainersOf(const Json& pod_or_template);

// Parses pods and shares what is equal between them. Threads: thread-compatible.
class PodParser {
 public:
  PodParser();
  ~PodParser();
  // `pod` is a v1 Pod. Broken bookkeeping annotations are kept as "invalid" in the book, they do
  // not fail the pod. Errors: kInvalidArgument naming the field when the tree is no pod.
  absl::StatusOr<PodRecord> Parse(const Json& pod);
  // The same with containers from elsewhere: those in `pod` are not looked at.
  absl::StatusOr<PodRecord> Parse(const Json& pod, const PodContainers& containers);
  // The shape of a pod template or pod, with its resources defaulted.
  absl::StatusOr<std::shared_ptr<const PodShape>> ShapeOf(const Json& pod_or_template,
                                                          absl::string_view pod_name);

 private:
  std::shared_ptr<const PodShape> ShapeOf(const Json& spec, const PodContainers& containers,
                                          absl::string_view pod_name);

  struct Pools;
  std::unique_ptr<Pools> pools_;
};

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_POD_RECORD_H_
