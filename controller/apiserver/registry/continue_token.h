#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_CONTINUE_TOKEN_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_CONTINUE_TOKEN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "controller/apiserver/store/store.h"

namespace rekindle::apiserver {

// Where a list goes on: the snapshot and the last key that was sent (spec kubernetes-api 5.4).
struct ContinueToken {
  Revision revision = 0;  // -1: whatever is current, the snapshot being gone
  std::string name_space;
  std::string name;

  std::string Text() const;
  // `name_space` is that of the list; a token of another one is refused. Errors: 400 (ApiError).
  static absl::StatusOr<ContinueToken> Parse(absl::string_view text, absl::string_view name_space);
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_CONTINUE_TOKEN_H_
