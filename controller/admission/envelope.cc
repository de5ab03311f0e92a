#include "controller/admission/envelope.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "common/base/text.h"
#include "common/json/parse.h"
#include "common/json/tree.h"

namespace rekindle::admission {
namespace {

// A UID of the API is 36 bytes. Whatever is sent here goes back in the answer.
constexpr size_t kMostUidBytes = 256;

absl::Status Wrong(absl::string_view kind, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("this is no ", kind, ": ", why));
}

std::string Quoted(absl::string_view text) {
  return absl::StrCat("\"", PrintableText(text.substr(0, 64)), "\"");
}

}  // namespace

absl::StatusOr<Envelope> OpenEnvelope(absl::string_view body, absl::string_view group,
                                      absl::string_view kind) {
  absl::StatusOr<Json> parsed = json::ParseChecked(body, nullptr);
  if (!parsed.ok()) return Wrong(kind, parsed.status().message());
  if (!parsed->is_object()) return Wrong(kind, "the body is no JSON object");
  Envelope out{.review = *std::move(parsed)};
  out.api_version = std::string(json::String(out.review, "apiVersion"));
  const absl::string_view given = json::String(out.review, "kind");
  if (given != kind) return Wrong(kind, absl::StrCat("kind is ", Quoted(given)));
  if (out.api_version != absl::StrCat(group, "/v1") &&
      out.api_version != absl::StrCat(group, "/v1beta1")) {
    return Wrong(kind, absl::StrCat("apiVersion is ", Quoted(out.api_version), ", not ", group,
                                    "/v1 or ", group, "/v1beta1"));
  }
  const Json* request = json::Find(out.review, "request");
  if (request == nullptr || !request->is_object()) return Wrong(kind, "request is missing");
  out.uid = std::string(json::String(*request, "uid"));
  if (out.uid.empty() || out.uid.size() > kMostUidBytes) {
    return Wrong(kind, absl::StrCat("request.uid must have 1 to ", kMostUidBytes, " bytes"));
  }
  return out;
}

ReviewAnswer Malformed(const absl::Status& why) {
  return {.status = 400,
          .content_type = "text/plain; charset=utf-8",
          .body = absl::StrCat(why.message(), "\n"),
          .outcome = Outcome::kMalformed,
          .why = std::string(why.message())};
}

}  // namespace rekindle::admission
