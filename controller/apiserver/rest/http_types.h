#ifndef REKINDLE_CONTROLLER_APISERVER_REST_HTTP_TYPES_H_
#define REKINDLE_CONTROLLER_APISERVER_REST_HTTP_TYPES_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "controller/apiserver/catalog/catalog.h"
#include "controller/apiserver/registry/registry.h"
#include "controller/apiserver/rest/media.h"
#include "controller/apiserver/rest/surface.h"

namespace rekindle::apiserver {

// A request as it came over the wire. Values.
struct HttpRequest {
  std::string method;                          // "GET"
  std::string target;                          // path and query, as sent
  std::map<std::string, std::string> headers;  // names in lower case; repeated ones joined by ", "
  std::string body;
  // Who the client certificate says it is, when one was sent and verified. Untrusted: one was sent
  // that our authority did not sign, or that has expired.
  std::optional<User> certificate;
  bool certificate_untrusted = false;

  absl::string_view Header(absl::string_view lower_case_name) const;
};

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
