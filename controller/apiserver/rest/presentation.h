#ifndef REKINDLE_CONTROLLER_APISERVER_REST_PRESENTATION_H_
#define REKINDLE_CONTROLLER_APISERVER_REST_PRESENTATION_H_

#include <deque>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/base/sync.h"
#include "common/json/json_fwd.h"
#include "controller/apiserver/registry/registry.h"
#include "controller/apiserver/rest/media.h"
#include "controller/apiserver/rest/surface.h"

namespace rekindle::apiserver {

// An answer in the form that was asked for. A Status, and what is of another kind than `kind`
// (`own` false), stays as it is. Errors: those of Surface::ToTable.
absl::StatusOr<Json> InForm(Json body, const ServedKind& kind, const Form& form,
                            IncludeObject include, bool own, bool columns, const Surface& surface);

// As text, with a line break at its end.
std::string TreeText(const Json& tree, const Form& form);

// An ERROR event with a status, as a line.
std::string ErrorEventLine(const absl::Status& status);

// Events of watches as lines. What many watchers get in one form is made once, as long as they get
// the same tree or text: the newest lines are kept. Thread-safe.
class EventLines {
 public:
  explicit EventLines(const Surface& surface, size_t most_bytes = 8u << 20)
      : surface_(surface), most_bytes_(most_bytes) {}

  // `columns`: the first event of a watch in tables.
  absl::StatusOr<std::shared_ptr<const std::string>> Line(const WatchEvent& event,
                                                          const ServedKind& kind, const Form& form,
                                                          IncludeObject include, bool columns);

 private:
  // The address of the tree or text names it for as long as it is held here.
  using Name = std::tuple<const void*, std::string, int, std::string, int, bool>;
  struct Entry {
    std::shared_ptr<const void> source;
    std::shared_ptr<const std::string> line;
  };

  const Surface& surface_;
  const size_t most_bytes_;
  Mutex mutex_;
  absl::flat_hash_map<Name, Entry> lines_ ABSL_GUARDED_BY(mutex_);
  std::deque<Name> order_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REST_PRESENTATION_H_
