#ifndef REKINDLE_DAEMON_CRI_UTF8_H_
#define REKINDLE_DAEMON_CRI_UTF8_H_

#include <string>

#include "absl/strings/string_view.h"

namespace rekindle::cri {

// What Go's JSON encoder puts in place of a byte that is not UTF-8 (U+FFFD). A value that holds it
// has most likely lost bytes on its way through a runtime (spec/node-runtime 1.11 rule 5).
inline constexpr absl::string_view kReplacementCharacter = "\xEF\xBF\xBD";

// `bytes` with each byte that is not part of valid UTF-8 replaced by kReplacementCharacter, one for
// one, as Go does it. Threads: any.
std::string ReplaceInvalidUtf8(absl::string_view bytes);

}  // namespace rekindle::cri

#endif  // REKINDLE_DAEMON_CRI_UTF8_H_
