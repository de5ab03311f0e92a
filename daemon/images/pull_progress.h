#ifndef REKINDLE_DAEMON_IMAGES_PULL_PROGRESS_H_
#define REKINDLE_DAEMON_IMAGES_PULL_PROGRESS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"

#include "common/base/loop.h"
#include "containerd/v1/content.pb.h"
#include "daemon/cri/calls.h"
#include "daemon/cri/connection.h"
#include "daemon/images/manifest.h"
#include "daemon/images/puller.h"

namespace rekindle::images {

// How far one pull is, looked up in containerd's content store at intervals: the CRI does not tell
// (spec/node-runtime 1.18). The manifest is known by the reference's digest, or recognised among
// the blobs that have come since the pull began by where containerd notes that they are from. Done
// is then what of its layers is there. Never goes back. Where the runtime has no content store, or
// the manifest was there before, only the time that has passed is reported. Threads: the loop's
// thread.
class PullProgress {
 public:
  struct Stubs;

  PullProgress(Loop& loop, std::shared_ptr<cri::Connection> connection, const std::string& image,
               absl::Duration interval, std::function<void(const Progress&)> report);
  PullProgress(const PullProgress&) = delete;
  PullProgress& operator=(const PullProgress&) = delete;
  ~PullProgress();

 private:
  struct Streams;

  void Tick();
  void Report();

  // Looking for the manifest: a list of new blobs (with a tag only), then what is a candidate.
  void ListBlobs();
  void OnBlob(const ::containerd::services::content::v1::Info& info);
  void CheckNextCandidate();
  void ReadCandidate(const std::string& digest);
  void OnCandidate(const std::string& digest, const std::string& json);

  // Counting what of the layers is there.
  void Count();
  void OnStatuses(const ::containerd::services::content::v1::ListStatusesResponse& statuses);
  void CheckNextLayer();
  void FinishCount();

  // True when `status` means that there is nothing to ask here.
  bool GiveUpOn(const absl::Status& status);
  void Idle() { busy_ = false; }

  Loop& loop_;
  const std::shared_ptr<cri::Connection> connection_;
  const Reference reference_;
  const std::string source_label_;
  const absl::Duration interval_;
  const std::function<void(const Progress&)> report_;
  const absl::Duration started_;
  const absl::Time started_wall_;
  std::unique_ptr<Stubs> stubs_;
  std::unique_ptr<Streams> streams_;
  cri::Calls calls_;
  ScopedTimer timer_;
  ScopedTimer patience_;

  bool given_up_ = false;
  bool busy_ = false;
  std::vector<std::string> candidates_;        // digests to look at; may not be there yet
  absl::flat_hash_set<std::string> examined_;  // never again
  size_t next_candidate_ = 0;
  std::string text_;  // of the blob being read
  std::vector<Layer> layers_;
  std::vector<bool> complete_;
  std::vector<int64_t> partial_bytes_;
  size_t next_layer_ = 0;
  Progress progress_;
};

}  // namespace rekindle::images

#endif  // REKINDLE_DAEMON_IMAGES_PULL_PROGRESS_H_
