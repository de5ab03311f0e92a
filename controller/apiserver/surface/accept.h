#ifndef REKINDLE_CONTROLLER_APISERVER_SURFACE_ACCEPT_H_
#define REKINDLE_CONTROLLER_APISERVER_SURFACE_ACCEPT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace rekindle::apiserver {

// One media type of an Accept header. Names are in lower case; values are as they were sent.
struct MediaType {
  std::string type;                                             // "application"
  std::string subtype;                                          // "json"
  std::vector<std::pair<std::string, std::string>> parameters;  // without q
  double quality = 1;

  std::string Name() const { return type + "/" + subtype; }
  // "" when it has none of that name.
  absl::string_view Parameter(absl::string_view name) const;
  // Whether it asks for `name` ("application/json") or for something that includes it.
  bool Includes(absl::string_view name) const;
};

// The media types of an Accept header, best first: by quality, then as they were sent (spec
// kubernetes-api 1.3). Parts that cannot be read are left out, as are those that are refused
// (q=0) and whatever comes after the first 64. An empty or blank header accepts everything.
// Thread-safe.
std::vector<MediaType> ParseAccept(absl::string_view header);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_SURFACE_ACCEPT_H_
