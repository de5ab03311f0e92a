#ifndef REKINDLE_COMMON_CLIENT_CONFIG_FIELDS_H_
#define REKINDLE_COMMON_CLIENT_CONFIG_FIELDS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"

namespace rekindle::client {

// Reads the members of one object and remembers the first mistake, with the path of its field, so
// that a reader is a list of fields. Threads: thread-compatible.
class Fields {
 public:
  // `tree` outlives it. A tree that is null counts as empty; anything else but an object is a
  // mistake. `where` is put before the field's name: "users[0].user".
  Fields(const Json& tree, std::string where, absl::Status& mistake);

  // The member's value; empty, false or null when it is absent or null.
  std::string Text(absl::string_view name) const;
  std::string Required(absl::string_view name) const;  // absent or empty is a mistake
  bool Flag(absl::string_view name) const;
  std::string Base64(absl::string_view name) const;  // decoded
  const Json& List(absl::string_view name) const;    // an array, perhaps an empty one
  const Json& Tree(absl::string_view name) const;

  std::string Path(absl::string_view name) const;
  // The first mistake stays.
  void Mistake(absl::string_view name, absl::string_view what,
               absl::StatusCode code = absl::StatusCode::kInvalidArgument) const;

 private:
  const Json* Member(absl::string_view name) const;

  const Json& tree_;
  const std::string where_;
  absl::Status& mistake_;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_CONFIG_FIELDS_H_
