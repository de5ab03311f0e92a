#ifndef REKINDLE_CONTROLLER_APISERVER_SURFACE_SERVER_SURFACE_H_
#define REKINDLE_CONTROLLER_APISERVER_SURFACE_SERVER_SURFACE_H_

#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "common/base/sync.h"
#include "controller/apiserver/rest/surface.h"

namespace rekindle::apiserver {

class Documents;

// The surface of the embedded API server: discovery in its old and its aggregated forms, OpenAPI v2
// and v3, the version, Tables and protobuf requests (spec kubernetes-api 16 to 18, 1.4). Documents
// are made when they are first asked for and kept for the newest catalog only. Thread-safe.
class ServerSurface : public Surface {
 public:
  // `now` is what ages in Tables are counted from.
  explicit ServerSurface(std::function<absl::Time()> now = absl::Now);
  ~ServerSurface() override;

  std::optional<HttpReply> Get(const Catalog& catalog, absl::string_view path,
                               absl::string_view accept,
                               absl::string_view if_none_match) const override;
  absl::StatusOr<Json> ToTable(const ServedKind& kind, const Json& object_or_list,
                               absl::string_view version, IncludeObject include,
                               bool columns) const override;
  absl::StatusOr<Json> DecodeProtobuf(absl::string_view bytes) const override;

 private:
  std::shared_ptr<Documents> Of(const Catalog& catalog) const;

  const std::function<absl::Time()> now_;
  mutable Mutex mutex_;
  mutable std::shared_ptr<Documents> documents_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_SURFACE_SERVER_SURFACE_H_
