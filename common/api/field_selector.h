#ifndef REKINDLE_COMMON_API_FIELD_SELECTOR_H_
#define REKINDLE_COMMON_API_FIELD_SELECTOR_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"

namespace rekindle::api {

// A field selector: all terms must hold (spec kubernetes-api 3.3).
class FieldSelector {
 public:
  struct Term {
    std::string path;
    bool equal = true;
    std::string value;
  };

  // The text of `fieldSelector=`. Errors: kInvalidArgument in the words of an API server.
  static absl::StatusOr<FieldSelector> Parse(absl::string_view text);

  // Errors: kInvalidArgument when a term is about a field that objects of this group and kind
  // cannot be selected by. `custom` fields are those of a user's CRD (selectableFields).
  absl::Status CheckFields(absl::string_view group, absl::string_view kind,
                           const std::vector<std::string>& custom = {}) const;

  // An absent field equals "". Booleans and numbers compare by their JSON text.
  bool Matches(const Json& object) const;
  // The value that `path` must have, if some term demands one: lets a server look it up.
  const std::string* Demanded(absl::string_view path) const;

  bool MatchesEverything() const { return terms_.empty(); }
  const std::vector<Term>& terms() const { return terms_; }
  std::string Text() const;

 private:
  std::vector<Term> terms_;
};

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_FIELD_SELECTOR_H_
