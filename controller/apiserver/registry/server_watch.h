#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_SERVER_WATCH_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_SERVER_WATCH_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/json/json_fwd.h"
#include "controller/apiserver/registry/decode_cache.h"
#include "controller/apiserver/registry/registry.h"
#include "controller/apiserver/registry/selection.h"

namespace rekindle::apiserver {

// One watch of a client: what the store says, through its selectors and in its version (spec
// kubernetes-api 6). Called by one thread at a time. It may outlive the registry for a moment: a
// call of the store that has begun is not waited for.
class ServerWatch final : public WatchSink {
 public:
  struct Setup {
    std::shared_ptr<const Catalog> catalog;  // keeps `kind` alive
    const ServedKind* kind = nullptr;
    Selection selection;
    std::shared_ptr<WatchReceiver> receiver;
    std::shared_ptr<DecodeCache> cache;
    // A stored text as an object of the version of `kind`, without its revision.
    DecodeCache::Decode decode;
    // Whether a stored text is what this version shows, but for the revision.
    std::function<bool(absl::string_view text)> kept;
    bool as_text = false;  // events carry texts instead of objects (Call::as_text)
    std::function<absl::Time()> now;
    bool bookmarks = false;
    absl::Duration bookmark_every;
  };
  explicit ServerWatch(Setup setup) : setup_(std::move(setup)), last_sign_(setup_.now()) {}

  void OnChanges(const std::vector<std::shared_ptr<const Change>>& changes) override;
  void OnProgress(Revision revision) override;
  void OnEnd(const absl::Status& why) override;

  // The objects that there were before the changes. False: the receiver takes no more.
  bool Initial(std::vector<WatchEvent> events);
  // A bookmark; `initial_end`: it says that all initial objects have been sent (6.6).
  bool Bookmark(Revision revision, bool initial_end);

 private:
  absl::StatusOr<std::optional<WatchEvent>> EventOf(const Change& change);
  absl::StatusOr<WatchEvent> Event(const char* type, const Change& change,
                                   DecodeCache::Side side) const;
  absl::StatusOr<std::shared_ptr<const Json>> ObjectOf(const Change& change,
                                                       DecodeCache::Side side) const;
  absl::StatusOr<bool> Selected(const Change& change, DecodeCache::Side side) const;
  bool Send(std::vector<WatchEvent> events);

  const Setup setup_;
  absl::Time last_sign_;  // of life: an event or a bookmark
  Revision last_revision_ = 0;
  bool ended_ = false;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_SERVER_WATCH_H_
