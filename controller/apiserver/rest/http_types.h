#ifndef REKINDLE_CONTROLLER_APISERVER_REST_HTTP_TYPES_H_
#define REKINDLE_CONTROLLER_APISERVER_REST_HTTP_TYPES_H_

#include <memory>

#include "absl/time/time.h"

#include "common/net/https_types.h"
#include "controller/apiserver/catalog/catalog.h"
#include "controller/apiserver/registry/registry.h"
#include "controller/apiserver/rest/media.h"
#include "controller/apiserver/rest/surface.h"

namespace rekindle::apiserver {

using HttpRequest = net::HttpsRequest;

// A request that is answered by a stream of events.
struct WatchPlan {
  Call call;
  std::shared_ptr<const Catalog> catalog;  // keeps `call.kind` alive
  Form form;
  IncludeObject include = IncludeObject::kMetadata;
  absl::Duration timeout;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REST_HTTP_TYPES_H_
