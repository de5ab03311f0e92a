#ifndef REKINDLE_CLI_RENDER_RECREATE_H_
#define REKINDLE_CLI_RENDER_RECREATE_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/output.h"
#include "cli/recreate_view.h"
#include "cli/render.h"

#include "common/json/json_fwd.h"

namespace rekindle::cli {

// What people see of requests on the API, as pure functions. Text from elsewhere is made printable.
// Golden files in tests/testdata/cli show each of them. Threads: any.

// The columns of `rekindle get restarts`, with a namespace for several of them.
Table RequestTable(const Style& style, bool with_namespace);
// `deleted`: the row says that the request is no more.
void AddRequestRow(const RequestView& request, const Style& style, bool with_namespace,
                   bool deleted, Table& table);

// A request in full, with its events (oldest first).
std::string RenderRequest(const RequestView& request, const Json& object,
                          const std::vector<Json>& events, const Style& style);

// How far one container of a request is, for the lines that render.h draws. `since`: how long ago
// the request was made; `idle`: nobody has looked at it for so long that it is worth saying.
ProgressLine ProgressOf(const RequestView& request, const ContainerView& container,
                        const RequestNotes& notes, absl::Duration since, bool idle);

// How a container of a request that has ended came out; further lines say what is worth knowing.
std::string RenderContainerOutcome(const RequestView& request, const ContainerView& container,
                                   const RequestNotes& notes, absl::Duration took,
                                   const Style& style);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_RENDER_RECREATE_H_
