#ifndef REKINDLE_CONTROLLER_APISERVER_CATALOG_CLAIMS_H_
#define REKINDLE_CONTROLLER_APISERVER_CATALOG_CLAIMS_H_

#include <map>
#include <set>
#include <string>

#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"

namespace rekindle::apiserver {

// Who may use which names within a group (spec kubernetes-api 13.1). Whoever claims first has them.
// Thread-compatible.
class Claims {
 public:
  // Claims the names of a CRD (`spec.names` with its defaults). What is free becomes its own.
  struct Result {
    bool all = true;
    std::string reason;   // PluralConflict, ... of the last name that was taken
    std::string message;  // names it
    // The form of status.acceptedNames: what it got.
    std::map<std::string, std::string> got;
    std::set<std::string> short_names;
  };
  Result Claim(const std::string& group, const Json& names);

  // Takes names of a kind of our own.
  void Take(const std::string& group, const std::string& name) { names_[group].insert(name); }
  void TakeKind(const std::string& group, const std::string& kind) { kinds_[group].insert(kind); }

 private:
  std::map<std::string, std::set<std::string>> names_;  // plural, singular and short names
  std::map<std::string, std::set<std::string>> kinds_;  // kinds and list kinds
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_CATALOG_CLAIMS_H_
