#ifndef REKINDLE_TEST_DEMO_SAY_H_
#define REKINDLE_TEST_DEMO_SAY_H_

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// How the demo talks: every line is out before what it announces begins.
namespace rekindle::demo {

// What comes next.
inline void Step(const std::string& text) {
  absl::PrintF("\n>> %s\n", text);
  std::fflush(stdout);
}

// Of the step before.
inline void Say(const std::string& text) {
  absl::PrintF("   %s\n", text);
  std::fflush(stdout);
}

// What somebody else wrote: a file, the output of a command.
inline void Indented(const std::string& text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!line.empty()) absl::PrintF("     %s\n", line);
  }
  std::fflush(stdout);
}

// A line of the table of what was before and is after; `verdict` is "kept", "LOST", "new", ....
inline void Compare(const std::string& what, const std::string& before, const std::string& after,
                    const std::string& verdict = "") {
  absl::PrintF("   %-16s %-38s %-38s %s\n", what, before, after, verdict);
  std::fflush(stdout);
}
inline const char* Kept(bool kept) { return kept ? "kept" : "LOST"; }
inline const char* YesNo(bool yes) { return yes ? "yes" : "no"; }

// Enough of an ID to tell it from others.
inline std::string Short(const std::string& id) {
  const size_t scheme = id.find("://");
  return (scheme == std::string::npos ? id : id.substr(scheme + 3)).substr(0, 13);
}

inline std::string List(const std::vector<double>& values) {
  return absl::StrJoin(values, "  ", [](std::string* out, double value) {
    absl::StrAppend(out, absl::StrFormat("%.1f", value));
  });
}

inline double Millis(absl::Duration duration) { return absl::ToDoubleMilliseconds(duration); }

}  // namespace rekindle::demo

#endif  // REKINDLE_TEST_DEMO_SAY_H_
