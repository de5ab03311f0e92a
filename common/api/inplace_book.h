#ifndef REKINDLE_COMMON_API_INPLACE_BOOK_H_
#define REKINDLE_COMMON_API_INPLACE_BOOK_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/api/quantity.h"
#include "common/api/string_map.h"
#include "common/api/text.h"
#include "common/json/json_fwd.h"

namespace rekindle::api {

using ResourceValues = std::map<std::string, Quantity>;

// Requests and limits of one container, or the changed ones of an update.
struct Resources {
  ResourceValues requests;
  ResourceValues limits;
  bool empty() const { return requests.empty() && limits.empty(); }
  friend bool operator==(const Resources&, const Resources&) = default;
};
absl::StatusOr<Resources> ParseResources(const Json& tree, absl::string_view field);
Json ResourcesToJson(const Resources& resources);

// Labels and annotations that the environment of one container reads.
struct RefMetadata {
  StringMap labels;
  StringMap annotations;
  bool empty() const { return labels.empty() && annotations.empty(); }
  friend bool operator==(const RefMetadata&, const RefMetadata&) = default;
};

struct BatchRecord {
  absl::Time time;
  std::vector<std::string> containers;  // sorted
  friend bool operator==(const BatchRecord&, const BatchRecord&) = default;
};

// The `apps.kruise.io/inplace-update-state` annotation (spec in-place-update 4.1). Members that we
// add to the known shape are at the end; other readers skip them.
struct InPlaceState {
  std::string revision;
  absl::Time update_time = absl::UnixEpoch();
  std::map<std::string, Text> last_image_ids;
  bool env_from_metadata = false;
  bool resources = false;
  bool images = false;
  std::map<std::string, std::string> next_images;
  std::map<std::string, RefMetadata> next_metadata;
  std::map<std::string, Resources> next_resources;
  std::vector<std::string> must_be_ready;  // sorted; before the next batch
  std::vector<BatchRecord> batches;
  // Ours: containers restarted (or replaced by the daemon with a changed definition) without a new
  // image, with the fingerprint of the container ID that has to go.
  std::map<std::string, std::string> last_container_ids;
  std::vector<std::string> next_restarts;

  bool HasNext() const {
    return !next_images.empty() || !next_metadata.empty() || !next_resources.empty() ||
           !next_restarts.empty();
  }
  friend bool operator==(const InPlaceState&, const InPlaceState&) = default;
};
// Errors of the parsers here: kInvalidArgument naming the document. With a pool the image IDs are
// shared.
absl::StatusOr<InPlaceState> ParseInPlaceState(absl::string_view text, TextPool* pool = nullptr);
std::string FormatInPlaceState(const InPlaceState& state);

// The `apps.kruise.io/inplace-update-grace` annotation (spec 4.2).
struct GraceDocument {
  std::string revision;
  std::map<std::string, std::string> images;
  std::map<std::string, RefMetadata> metadata;
  std::map<std::string, Resources> resources;
  std::string metadata_patch;  // JSON text of a strategic merge patch; empty when there is none
  bool has_metadata_patch = false;
  bool env_from_metadata = false;
  int32_t grace_seconds = 0;
  std::vector<std::string> restarts;  // ours
  friend bool operator==(const GraceDocument&, const GraceDocument&) = default;
};
absl::StatusOr<GraceDocument> ParseGrace(absl::string_view text);
std::string FormatGrace(const GraceDocument& grace);

// One container of `apps.kruise.io/runtime-containers-meta` (spec 4.3).
struct RuntimeMeta {
  std::string name;
  std::string container_id;
  int32_t restart_count = 0;
  uint64_t plain_hash = 0;
  uint64_t env_hash = 0;  // 0: unknown
};
absl::StatusOr<std::vector<RuntimeMeta>> ParseRuntimeMeta(absl::string_view text);
std::string FormatRuntimeMeta(const std::vector<RuntimeMeta>& meta);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_INPLACE_BOOK_H_
