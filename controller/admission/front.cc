#include "controller/admission/front.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "controller/admission/webhooks.h"

namespace rekindle::admission {
namespace {

absl::string_view PathOf(const net::HttpsRequest& request) {
  return absl::string_view(request.target).substr(0, request.target.find('?'));
}

net::HttpsReply Text(int status, absl::string_view text) {
  return {.status = status,
          .content_type = "text/plain; charset=utf-8",
          .body = absl::StrCat(text, "\n")};
}

}  // namespace

ReviewFront::ReviewFront(Loop& loop, ObjectLookup& lookup, Options options)
    : loop_(loop), lookup_(lookup), options_(std::move(options)) {}

int64_t ReviewFront::LimitOf(absl::string_view path) const {
  return path == kConvertPath ? options_.max_conversion_bytes : options_.max_admission_bytes;
}

std::optional<net::HttpsReply> ReviewFront::Immediate(const net::HttpsRequest& request) const {
  if (PathOf(request) != "/healthz") return std::nullopt;
  return Text(200, "ok");
}

std::optional<net::HttpsReply> ReviewFront::Refusal(const net::HttpsRequest& request) const {
  const absl::string_view path = PathOf(request);
  if (path != kConvertPath && FindWebhook(path) == nullptr) {
    return Text(404, "there is no webhook at this path");
  }
  if (options_.need_certificate && !request.certificate.has_value()) {
    return Text(401, "reviews are taken from callers with a trusted client certificate only");
  }
  if (request.method != "POST") return Text(405, "reviews are sent by POST");
  const absl::string_view type = request.Header("content-type");
  if (!type.empty() && !absl::StartsWithIgnoreCase(type, "application/json")) {
    return Text(415, "reviews are sent as application/json");
  }
  int64_t length = 0;
  if (absl::SimpleAtoi(request.Header("content-length"), &length) && length > LimitOf(path)) {
    return Problem(413, absl::StrCat("the review is larger than ", LimitOf(path), " bytes"));
  }
  return std::nullopt;
}

net::HttpsHandler::Outcome ReviewFront::Handle(const net::HttpsRequest& request) {
  // Of requests without a body nobody has asked yet.
  if (std::optional<net::HttpsReply> refusal = Refusal(request)) return *std::move(refusal);
  const absl::Duration begun = loop_.Monotonic();
  const absl::string_view path = PathOf(request);
  // A body in chunks has not said its length before.
  if (static_cast<int64_t>(request.body.size()) > LimitOf(path)) {
    return Problem(413, absl::StrCat("the review is larger than ", LimitOf(path), " bytes"));
  }
  ReviewAnswer answer;
  absl::string_view name = "convert";
  if (const Webhook* webhook = FindWebhook(path); webhook != nullptr) {
    name = webhook->name;
    const ReviewReader reader(lookup_, begun + TimeFor(request.target));
    answer = AnswerAdmission(*webhook, request.body,
                             {.gates = options_.gates, .reader = &reader, .now = loop_.Now()});
  } else {
    answer = AnswerConversion(request.body);
  }
  if (options_.observer) {
    options_.observer(
        {name, answer.outcome, loop_.Monotonic() - begun, answer.why, answer.warnings});
  }
  return net::HttpsReply{.status = answer.status,
                         .content_type = std::move(answer.content_type),
                         .body = std::move(answer.body)};
}

net::HttpsReply ReviewFront::Problem(int status, absl::string_view text) const {
  return Text(status, text);
}

}  // namespace rekindle::admission
