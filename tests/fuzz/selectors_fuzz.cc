// Texts of labelSelector= and fieldSelector=, quantities, times and names.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "common/api/field_selector.h"
#include "common/api/quantity.h"
#include "common/api/selector.h"
#include "common/api/text_rules.h"
#include "common/api/time.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace api = rekindle::api;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto labels = api::Selector::Parse(text); labels.ok()) {
    (void)labels->Matches({{"app", "x"}});
  }
  if (const auto fields = api::FieldSelector::Parse(text); fields.ok()) {
    (void)fields->Matches({{"metadata", {{"name", "x"}}}});
    const auto again = api::FieldSelector::Parse(fields->Text());
    if (!again.ok() || again->Text() != fields->Text()) std::abort();
  }
  if (const auto quantity = api::Quantity::Parse(text); quantity.ok()) {
    const auto again = api::Quantity::Parse(quantity->Text());
    if (!again.ok() || *again != *quantity) std::abort();
  }
  if (const auto time = api::ParseMicroTime(text); time.has_value()) {
    if (api::ParseMicroTime(api::FormatMicroTime(*time)) != time) std::abort();
  }
  if (const auto time = api::ParseTime(text); time.has_value()) {
    if (api::ParseTime(api::FormatTime(*time)) != time) std::abort();
  }
  (void)api::ParseDuration(text);
  for (const api::TextRule rule :
       {api::TextRule::kLabel, api::TextRule::kSubdomain, api::TextRule::kLabel1035,
        api::TextRule::kQualifiedName, api::TextRule::kLabelValue, api::TextRule::kEnvName,
        api::TextRule::kPortName}) {
    (void)api::CheckText(rule, text);
  }
  return 0;
}
