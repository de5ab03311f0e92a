#ifndef REKINDLE_CONTROLLER_APISERVER_REST_GZIP_H_
#define REKINDLE_CONTROLLER_APISERVER_REST_GZIP_H_

#include <string>

#include "absl/strings/string_view.h"

namespace rekindle::apiserver {

// `text` as gzip, fast rather than small; "" when zlib fails. Pure. Threads: any.
std::string Gzip(absl::string_view text);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REST_GZIP_H_
