#ifndef REKINDLE_CONTROLLER_APISERVER_REST_MEDIA_H_
#define REKINDLE_CONTROLLER_APISERVER_REST_MEDIA_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace rekindle::apiserver {

// In what form an answer is given (spec kubernetes-api 1.3).
struct Form {
  enum class Shape { kObject, kTable, kPartial };  // kPartial: metadata only
  Shape shape = Shape::kObject;
  std::string version;  // of meta.k8s.io, for the last two: "v1", "v1beta1"
  bool yaml = false;
  bool pretty = false;

  bool operator==(const Form&) const = default;
};

// The first form in an Accept header that objects can be given in; "" accepts anything. Nullopt:
// none (406). Quality values are not looked at (rule 1). Watches are never YAML.
std::optional<Form> Negotiate(absl::string_view accept, bool watch);

// What a 406 names.
const std::vector<std::string>& OfferedTypes();

enum class BodyType { kJson, kYaml, kProtobuf, kJsonPatch, kMergePatch, kStrategicPatch, kApply };
// Of a Content-Type header, parameters ignored; "" is JSON. Nullopt: unknown.
std::optional<BodyType> BodyTypeOf(absl::string_view content_type);

// A media type of a header without its parameters, in lower case.
std::string BareType(absl::string_view value);

// Whether an Accept-Encoding header allows gzip.
bool AcceptsGzip(absl::string_view accept_encoding);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REST_MEDIA_H_
