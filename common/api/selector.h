#ifndef REKINDLE_COMMON_API_SELECTOR_H_
#define REKINDLE_COMMON_API_SELECTOR_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/api/string_map.h"
#include "common/json/json_fwd.h"

namespace rekindle::api {

// A label selector: all requirements must hold (spec kubernetes-api 3.1 and 3.2).
class Selector {
 public:
  enum class Op { kIn, kNotIn, kExists, kDoesNotExist, kGreater, kLess };
  struct Requirement {
    std::string key;
    Op op = Op::kIn;
    std::vector<std::string> values;  // sorted, unique
  };

  static Selector Everything() { return Selector(); }
  static Selector Nothing();

  // A LabelSelector object: null matches nothing, {} everything.
  // Errors: kInvalidArgument naming the offending part.
  static absl::StatusOr<Selector> FromJson(const Json& value, absl::string_view field);
  // The text of `labelSelector=` and `kubectl -l`.
  static absl::StatusOr<Selector> Parse(absl::string_view text);

  bool Matches(const StringMap& labels) const;
  bool MatchesEverything() const { return !nothing_ && requirements_.empty(); }

  // Canonical text as in `status.labelSelector`: sorted by key, `k=v`, `k in (a,b)`,
  // `k notin (a,b)`, `k`, `!k`.
  std::string Text() const;

  // The matchLabels part, which claims inherit.
  const StringMap& match_labels() const { return match_labels_; }
  const std::vector<Requirement>& requirements() const { return requirements_; }

 private:
  bool nothing_ = false;
  std::vector<Requirement> requirements_;
  StringMap match_labels_;
};

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_SELECTOR_H_
