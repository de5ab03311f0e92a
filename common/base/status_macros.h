#ifndef REKINDLE_COMMON_BASE_STATUS_MACROS_H_
#define REKINDLE_COMMON_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

// Returns from the enclosing function when `expr` (an absl::Status) is not OK.
#define RK_RETURN_IF_ERROR(expr)                              \
  do {                                                        \
    if (absl::Status rk_status_ = (expr); !rk_status_.ok()) { \
      return rk_status_;                                      \
    }                                                         \
  } while (false)

#define RK_CONCAT_INNER_(a, b) a##b
#define RK_CONCAT_(a, b) RK_CONCAT_INNER_(a, b)

// Declares or assigns `lhs` from `expr` (an absl::StatusOr), or returns its status.
#define RK_ASSIGN_OR_RETURN(lhs, expr) \
  RK_ASSIGN_OR_RETURN_IMPL_(RK_CONCAT_(rk_statusor_, __LINE__), lhs, expr)
#define RK_ASSIGN_OR_RETURN_IMPL_(tmp, lhs, expr) \
  auto tmp = (expr);                              \
  if (!tmp.ok()) return std::move(tmp).status();  \
  lhs = *std::move(tmp)

namespace rekindle {

// Puts "what was being attempted" in front of an error's message; keeps its code. OK stays OK.
// Threads: any.
inline absl::Status Annotate(const absl::Status& status, absl::string_view attempted) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(attempted, ": ", status.message()));
}

}  // namespace rekindle

#endif  // REKINDLE_COMMON_BASE_STATUS_MACROS_H_
