#ifndef REKINDLE_COMMON_CLIENT_EXPECTATIONS_H_
#define REKINDLE_COMMON_CLIENT_EXPECTATIONS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/client/resource.h"

namespace rekindle::client {

// True when the state at `seen` is that at `wanted`, or a later one. Versions are opaque; of one
// object, real servers write growing decimal numbers, and where both are such they are compared as
// numbers. Other texts only count when they are equal. Pure.
bool ReachedVersion(absl::string_view seen, absl::string_view wanted);

// What a controller has done and its cache does not show yet. While something is expected for an
// owner, its cache is behind, and a plan made from it would do things twice.
//
// Deletions are expected by UID, so that a new object of the same name is not taken for the old
// one; creations by key, since a UID is not known before; changes by UID and the version that the
// server answered. Whatever does not show up within the expiry is given up: the write failed
// unnoticed, or the event was missed, and a controller must not stand still for it.
//
// Threads: thread-compatible. Times are monotonic.
class Expectations {
 public:
  static constexpr absl::Duration kExpiry = absl::Minutes(5);

  explicit Expectations(absl::Duration expiry = kExpiry) : expiry_(expiry) {}

  // Before the write is sent; CreationFailed or DeletionFailed when it comes to nothing.
  void ExpectCreation(const ObjectKey& owner, const ObjectKey& object, absl::Duration now);
  void ExpectDeletion(const ObjectKey& owner, const std::string& uid, absl::Duration now);
  // After a write was answered with this version.
  void ExpectVersion(const ObjectKey& owner, const std::string& uid, const std::string& version,
                     absl::Duration now);

  void CreationFailed(const ObjectKey& owner, const ObjectKey& object);
  void DeletionFailed(const ObjectKey& owner, const std::string& uid);

  // From the cache's handlers. `terminating`: it has a deletionTimestamp, which is what a deletion
  // of ours looks like until the object is gone.
  void Seen(const ObjectKey& owner, const ObjectKey& object, const std::string& uid,
            const std::string& version, bool terminating);
  void Gone(const ObjectKey& owner, const std::string& uid);

  struct Pending {
    std::string what;  // "creation of ns/web-3"
    absl::Duration since;
    absl::Duration until;  // it expires; the owner should be looked at again then
  };
  // The oldest thing that is still expected; none: the cache is up to date. Drops what has expired
  // and counts it.
  std::optional<Pending> Outstanding(const ObjectKey& owner, absl::Duration now);

  // The owner is gone.
  void Forget(const ObjectKey& owner) { owners_.erase(owner); }

  uint64_t expired() const { return expired_; }
  size_t owners() const { return owners_.size(); }

 private:
  struct Version {
    std::string version;
    absl::Duration since;
  };
  struct Expected {
    std::map<ObjectKey, absl::Duration> creations;
    std::map<std::string, absl::Duration> deletions;  // by UID
    std::map<std::string, Version> versions;          // by UID
    bool empty() const { return creations.empty() && deletions.empty() && versions.empty(); }
  };
  void DropIfEmpty(const ObjectKey& owner);

  const absl::Duration expiry_;
  absl::flat_hash_map<ObjectKey, Expected> owners_;
  uint64_t expired_ = 0;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_EXPECTATIONS_H_
