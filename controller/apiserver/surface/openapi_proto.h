#ifndef REKINDLE_CONTROLLER_APISERVER_SURFACE_OPENAPI_PROTO_H_
#define REKINDLE_CONTROLLER_APISERVER_SURFACE_OPENAPI_PROTO_H_

#include <string>

#include "common/json/json_fwd.h"

namespace rekindle::apiserver {

// An OpenAPI v2 document of OpenApiV2 in the protobuf form (openapi.v2.Document) that is the only
// one which clients before 1.24 read (spec kubernetes-api 17.2). Extensions are YAML texts in it;
// JSON is YAML. Pure.
std::string EncodeOpenApiV2(const Json& document);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_SURFACE_OPENAPI_PROTO_H_
