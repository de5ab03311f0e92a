#include "controller/app/feature_gates.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/text.h"

namespace rekindle {
namespace {

// In the order of their names.
constexpr FeatureGate kFeatureGates[] = {
    {"KruisePodReadinessGate", "Alpha", &api::AdmissionGates::ready_gate_for_all,
     "every new pod gets readiness gate KruisePodReady, not only those of apps.kruise.io"},
    {"PodWebhook", "Beta", &api::AdmissionGates::pod_webhook,
     "new pods are looked at; off: none gets the gate"},
};

absl::string_view Text(bool on) { return on ? "true" : "false"; }

absl::Status Wrong(absl::string_view flag, absl::string_view item, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(flag, ": \"", PrintableText(item), "\" ", why));
}

}  // namespace

absl::Span<const FeatureGate> FeatureGateTable() { return kFeatureGates; }

std::string DescribeFeatureGates() {
  const api::AdmissionGates defaults;
  return absl::StrJoin(kFeatureGates, "; ", [&](std::string* out, const FeatureGate& row) {
    absl::StrAppend(out, row.name, "=true|false (", row.stage,
                    ", default=", Text(defaults.*row.gate), "): ", row.what);
  });
}

std::string FeatureGatesText(const api::AdmissionGates& gates) {
  return absl::StrJoin(kFeatureGates, ",", [&](std::string* out, const FeatureGate& row) {
    absl::StrAppend(out, row.name, "=", Text(gates.*row.gate));
  });
}

absl::Status ParseFeatureGates(absl::string_view flag, const std::vector<std::string>& items,
                               api::AdmissionGates& gates) {
  gates = api::AdmissionGates();
  for (const std::string& item : items) {
    const absl::string_view text = absl::StripAsciiWhitespace(item);
    if (text.empty()) continue;
    const size_t equals = text.find('=');
    const absl::string_view name = text.substr(0, equals);
    const absl::string_view value =
        equals == absl::string_view::npos ? absl::string_view() : text.substr(equals + 1);
    const auto* const row = std::find_if(std::begin(kFeatureGates), std::end(kFeatureGates),
                                         [&](const FeatureGate& one) { return one.name == name; });
    if (row == std::end(kFeatureGates)) {
      return Wrong(flag, name,
                   absl::StrCat("is no feature gate; there are: ",
                                absl::StrJoin(kFeatureGates, ", ",
                                              [](std::string* out, const FeatureGate& one) {
                                                absl::StrAppend(out, one.name);
                                              })));
    }
    const bool on = absl::EqualsIgnoreCase(value, "true");
    if (!on && !absl::EqualsIgnoreCase(value, "false")) {
      return Wrong(flag, text, absl::StrCat("must be ", name, "=true or ", name, "=false"));
    }
    gates.*row->gate = on;
  }
  gates.ready_gate_for_all = gates.ready_gate_for_all && gates.pod_webhook;
  return absl::OkStatus();
}

}  // namespace rekindle
