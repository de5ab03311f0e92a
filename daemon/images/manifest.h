#ifndef REKINDLE_DAEMON_IMAGES_MANIFEST_H_
#define REKINDLE_DAEMON_IMAGES_MANIFEST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rekindle::images {

// An image reference in the parts that containerd notes down about a blob's origin.
struct Reference {
  std::string host;        // "docker.io", "localhost:5000"
  std::string repository;  // "library/busybox"
  std::string digest;      // "sha256:..."; empty when there is only a tag
};

// Takes a reference apart as Docker does: no host means docker.io, no directory there library/.
// Not a check: what the runtime would refuse may pass. Never fails. Threads: any.
Reference ParseReference(absl::string_view image);

struct Layer {
  std::string digest;
  int64_t size_bytes = 0;
};

// What of a manifest or of an index of manifests (OCI and Docker schema 2) progress needs.
struct Manifest {
  std::vector<Layer> layers;          // of a manifest; each digest once
  std::vector<std::string> children;  // of an index: digests of manifests
};

// Reads what came from a registry; trusts nothing of it. Errors: kInvalidArgument (not JSON,
// neither of the two kinds, malformed digests or sizes). Never throws. Threads: any. Fuzzed by
// tests/fuzz/manifest_fuzz.cc.
absl::StatusOr<Manifest> ParseManifest(absl::string_view json);

}  // namespace rekindle::images

#endif  // REKINDLE_DAEMON_IMAGES_MANIFEST_H_
