#ifndef REKINDLE_COMMON_API_TEXT_RULES_H_
#define REKINDLE_COMMON_API_TEXT_RULES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace rekindle::api {

// Named rules for texts (spec kubernetes-api 2.2).
enum class TextRule {
  kNone,
  kLabel,          // DNS-1123 label
  kSubdomain,      // DNS-1123 subdomain
  kLabel1035,      // DNS-1035 label
  kQualifiedName,  // label keys, condition types, finalizers
  kLabelValue,
  kEnvName,
  kPortName,
};

// What is wrong with `text`, one sentence each, in the words that Kubernetes uses; empty when
// nothing is. Thread-safe.
std::vector<std::string> CheckText(TextRule rule, absl::string_view text);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_TEXT_RULES_H_
