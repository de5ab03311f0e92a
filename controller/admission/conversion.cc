#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/kinds/convert.h"
#include "common/api/kinds/registry.h"
#include "common/base/text.h"
#include "common/json/tree.h"
#include "controller/admission/envelope.h"
#include "controller/admission/review.h"

namespace rekindle::admission {
namespace {

// "object 3 (CloneSet shop/cart)"
std::string NameOf(size_t index, const Json& object) {
  return absl::StrCat("object ", index, " (", PrintableText(json::String(object, "kind")), " ",
                      PrintableText(json::String(object, {"metadata", "namespace"})), "/",
                      PrintableText(json::String(object, {"metadata", "name"})), ")");
}

absl::StatusOr<Json> ConvertOne(const Json& object, const std::string& wanted,
                                std::vector<std::string>* warnings) {
  const api::KindInfo* to = api::Kinds().Find(wanted, json::String(object, "kind"));
  if (to == nullptr || to->group != api::kKruiseGroup) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no such kind in ", PrintableText(wanted)));
  }
  return api::Convert(object, *to, warnings);
}

}  // namespace

ReviewAnswer AnswerConversion(absl::string_view body) {
  absl::StatusOr<Envelope> envelope =
      OpenEnvelope(body, "apiextensions.k8s.io", "ConversionReview");
  if (!envelope.ok()) return Malformed(envelope.status());
  Json& request = envelope->review["request"];
  const std::string wanted(json::String(request, "desiredAPIVersion"));
  const auto objects = request.find("objects");
  if (wanted.empty() || objects == request.end() || !objects->is_array()) {
    return Malformed(absl::InvalidArgumentError(
        "this is no ConversionReview: request.desiredAPIVersion or request.objects is missing"));
  }
  ReviewAnswer answer{.outcome = Outcome::kConverted};
  const auto head = [&](const Json& result) {
    return absl::StrCat(R"({"apiVersion":)", Json(envelope->api_version).dump(),
                        R"(,"kind":"ConversionReview","response":{"uid":)",
                        json::Dump(envelope->uid), R"(,"result":)", json::Dump(result));
  };
  std::string converted;
  for (size_t i = 0; i < objects->size(); ++i) {
    // Each is let go as soon as it is written: a whole list may come in one review.
    const Json object = std::exchange((*objects)[i], Json());
    std::vector<std::string> warnings;
    absl::StatusOr<Json> made = ConvertOne(object, wanted, &warnings);
    if (!made.ok()) {
      answer.outcome = Outcome::kUnconverted;
      answer.why = absl::StrCat(NameOf(i, object), ": ", made.status().message());
      answer.body = head({{"status", "Failure"}, {"message", answer.why}}) + "}}";
      return answer;
    }
    for (const std::string& text : warnings) {
      answer.warnings.push_back(absl::StrCat(NameOf(i, object), ": ", text));
    }
    absl::StrAppend(&converted, i == 0 ? "" : ",", json::Dump(*made));
  }
  answer.body =
      absl::StrCat(head({{"status", "Success"}}), R"(,"convertedObjects":[)", converted, "]}}");
  return answer;
}

}  // namespace rekindle::admission
