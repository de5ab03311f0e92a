#ifndef REKINDLE_CONTROLLER_APISERVER_REST_SURFACE_H_
#define REKINDLE_CONTROLLER_APISERVER_REST_SURFACE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"
#include "common/net/https_types.h"
#include "controller/apiserver/catalog/catalog.h"

namespace rekindle::apiserver {

using HttpReply = net::HttpsReply;

// What `rows[].object` of a Table holds (spec kubernetes-api 5.2, 18.1).
enum class IncludeObject { kNone, kMetadata, kObject };

// What the server shows beside its objects, and other forms of them. Pure functions of a catalog.
// Thread-safe.
class Surface {
 public:
  virtual ~Surface() = default;

  // GET of a path that is no resource: /api, /apis, /apis/G, /api/v1, /apis/G/V, /openapi/...,
  // /version. `path` has no query and is decoded; `accept` and `if_none_match` as they were sent
  // ("" when they were not). Nullopt: there is no such path (the caller answers 404 as text).
  // Health is not here.
  virtual std::optional<HttpReply> Get(const Catalog& catalog, absl::string_view path,
                                       absl::string_view accept,
                                       absl::string_view if_none_match) const = 0;

  // An object or a list of `kind` as a Table of meta.k8s.io/`version` ("v1", "v1beta1"), spec 18.
  // `columns`: with the definitions of its columns; of a watch only its first event has them (6.7).
  // Errors: kInternal for what is neither.
  virtual absl::StatusOr<Json> ToTable(const ServedKind& kind, const Json& object_or_list,
                                       absl::string_view version, IncludeObject include,
                                       bool columns) const = 0;

  // The JSON of a request body in protobuf, with the magic in front (spec 1.4). Errors:
  // kInvalidArgument naming what is wrong; kUnimplemented for a kind that is only taken as JSON.
  virtual absl::StatusOr<Json> DecodeProtobuf(absl::string_view bytes) const = 0;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REST_SURFACE_H_
