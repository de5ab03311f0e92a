// Reviews from whoever reaches the webhooks' port: no crash, an answer that is JSON, and a patch
// that applies to what came and touches nothing of the server's.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include <nlohmann/json.hpp>

#include "common/json/diff.h"
#include "common/json/parse.h"
#include "common/json/tree.h"
#include "controller/admission/review.h"

namespace {

using rekindle::Json;

// One pod of every shape that the rules look at, by any name.
class Reader final : public rekindle::api::ObjectReader {
 public:
  absl::StatusOr<Json> Get(absl::string_view, absl::string_view kind, absl::string_view,
                           absl::string_view name) const override {
    if (name == "gone") return absl::NotFoundError("gone");
    if (kind == "Node") return Json{{"metadata", {{"labels", {{"type", "virtual-kubelet"}}}}}};
    return Json::parse(R"({"metadata":{"uid":"u"},"spec":{"nodeName":"n",
      "terminationGracePeriodSeconds":30,"containers":[{"name":"a","ports":[{"containerPort":80}],
      "lifecycle":{"preStop":{"httpGet":{"port":80}}}},{"name":"b"}]},
      "status":{"phase":"Running","containerStatuses":[
        {"name":"a","containerID":"containerd://a","restartCount":1},
        {"name":"b","containerID":"containerd://b"}]}})");
  }
};

void CheckPatch(const Json& request, const Json& response) {
  const absl::string_view encoded = rekindle::json::String(response, "patch");
  if (encoded.empty()) return;
  std::string text;
  if (!absl::Base64Unescape(encoded, &text)) std::abort();
  const auto patch = rekindle::json::Parse(text);
  const Json* object = rekindle::json::Find(request, "object");
  if (!patch.ok() || object == nullptr) std::abort();
  if (!rekindle::json::ApplyJsonPatch(*object, *patch, {.max_operations = 1u << 30}).ok()) {
    std::abort();
  }
  for (const Json& op : *patch) {
    const absl::string_view path = rekindle::json::String(op, "path");
    const bool ours = absl::StartsWith(path, "/spec") || path == "/metadata" ||
                      absl::StartsWith(path, "/metadata/labels") ||
                      absl::StartsWith(path, "/metadata/annotations");
    if (!ours) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace admission = rekindle::admission;
  const absl::string_view body(reinterpret_cast<const char*>(data), size);
  const Reader reader;
  const auto look = [&](const admission::ReviewAnswer& answer) {
    if (answer.status == 400) return Json();
    if (answer.status != 200) std::abort();
    auto parsed = rekindle::json::Parse(answer.body);
    if (!parsed.ok() || rekindle::json::Find(*parsed, "response") == nullptr) std::abort();
    return (*parsed)["response"];
  };
  look(admission::AnswerConversion(body));
  const auto review = rekindle::json::ParseChecked(body, nullptr);
  for (const admission::Webhook& webhook : admission::Webhooks()) {
    const Json response = look(admission::AnswerAdmission(webhook, body, {.reader = &reader}));
    if (response.is_null()) return 0;  // no review for any of them
    CheckPatch((*review)["request"], response);
  }
  return 0;
}
