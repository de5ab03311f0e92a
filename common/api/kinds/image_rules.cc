// ImagePullJob and NodeImage: admission (spec container-recreate 17.2 and 17.4).
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/kinds/kruise_rules.h"
#include "common/api/selector.h"
#include "common/api/status.h"
#include "common/api/time.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

using json::At;

constexpr size_t kMostImages = 256;

absl::Status Refuse(absl::string_view message) { return ToStatus(BadRequest(message)); }

absl::Status Denied(absl::string_view message) {
  ApiError error;
  error.code = 403;
  error.reason = "Forbidden";
  error.message = std::string(message);
  return ToStatus(error);
}

// [HOST[:PORT]/]PATH[:TAG][@DIGEST] by its characters.
bool IsImageReference(absl::string_view image) {
  if (image.empty() || image.size() > 512) return false;
  if (const size_t at = image.find('@'); at != absl::string_view::npos) {
    const absl::string_view digest = image.substr(at + 1);
    const size_t colon = digest.find(':');
    if (colon == absl::string_view::npos || colon == 0 || digest.size() - colon - 1 < 32) {
      return false;
    }
    if (!std::all_of(digest.begin() + static_cast<std::ptrdiff_t>(colon) + 1, digest.end(),
                     [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); })) {
      return false;
    }
    image = image.substr(0, at);
  }
  const size_t slash = image.rfind('/');
  const size_t colon = image.rfind(':');
  if (colon != absl::string_view::npos && (slash == absl::string_view::npos || colon > slash)) {
    const absl::string_view tag = image.substr(colon + 1);
    if (tag.empty() || tag.size() > 128 || tag[0] == '.' || tag[0] == '-' ||
        !std::all_of(tag.begin(), tag.end(), [](char c) {
          return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' ||
                 c == '-';
        })) {
      return false;
    }
    image = image.substr(0, colon);
  }
  return !image.empty() && !absl::StartsWith(image, "/") && !absl::EndsWith(image, "/") &&
         !absl::StrContains(image, "//") && std::all_of(image.begin(), image.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  absl::string_view("._-/:[]").find(c) != absl::string_view::npos;
         });
}

absl::Status CheckNodes(const Json& spec) {
  const Json& selector = At(spec, "selector");
  const Json& pods = At(spec, "podSelector");
  if (!selector.is_null() && !pods.is_null()) {
    return Refuse("can not set both selector and podSelector");
  }
  if (selector.is_object()) {
    const Json& names = At(selector, "names");
    const bool labels = !json::IsEmpty(At(selector, "matchLabels")) ||
                        !json::IsEmpty(At(selector, "matchExpressions"));
    if (!json::IsEmpty(names) && labels) {
      return Refuse("can not set both names and labelSelector in this spec.selector");
    }
    if (names.is_array() && std::set<Json>(names.begin(), names.end()).size() != names.size()) {
      return Refuse("duplicated name in selector names");
    }
    const auto parsed = Selector::FromJson(selector, "selector");
    if (!parsed.ok()) return Refuse(absl::StrCat("invalid selector: ", parsed.status().message()));
  }
  if (pods.is_object()) {
    const auto parsed = Selector::FromJson(pods, "podSelector");
    if (!parsed.ok()) {
      return Refuse(absl::StrCat("invalid podSelector: ", parsed.status().message()));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckParallelism(const Json& value) {
  if (value.is_null()) return absl::OkStatus();
  int64_t number = 0;
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    if (absl::EndsWith(text, "%")) return Refuse("parallelism does not support percentage value");
    if (!absl::SimpleAtoi(text, &number)) {
      return Refuse(absl::StrCat("parallelism must be a valid integer: ", text));
    }
  } else {
    number = value.is_number_integer() ? value.get<int64_t>() : 0;
  }
  return number < 0 ? Refuse("parallelism must be non-negative") : absl::OkStatus();
}

absl::Status CheckCompletion(const Json& spec) {
  const Json& policy = At(spec, "completionPolicy");
  const std::string type(json::String(policy, "type"));
  const auto deadline = json::Int(policy, "activeDeadlineSeconds");
  if (type == "Always") {
    const int64_t timeout = json::Int(spec, {"pullPolicy", "timeoutSeconds"}).value_or(600);
    if (deadline.has_value() && *deadline < timeout) {
      return Refuse(
          "completionPolicy.activeDeadlineSeconds must be greater than "
          "pullPolicy.timeoutSeconds(default 600)");
    }
  } else if (type == "Never") {
    if (deadline.has_value() || json::Int(policy, "ttlSecondsAfterFinished").has_value()) {
      return Refuse(
          "activeDeadlineSeconds and ttlSecondsAfterFinished can only work with Always "
          "CompletionPolicyType");
    }
  } else {
    return Refuse(absl::StrCat("unknown type of completionPolicy: ", type));
  }
  return absl::OkStatus();
}

absl::Status CheckTag(const std::string& image, const Json& tag, std::set<std::string>& seen) {
  const std::string name(json::String(tag, "tag"));
  const auto bad = [&](absl::string_view what) {
    return Refuse(absl::StrCat("image ", image, " tag ", name, ": ", what));
  };
  if (name.empty()) return Refuse(absl::StrCat("image ", image, ": tag can not be empty"));
  if (!seen.insert(name).second) return bad("is duplicated");
  if (json::String(tag, "createdAt").empty()) return bad("createdAt must be set");
  if (json::Int(tag, "version").value_or(0) < 0) return bad("version must be non-negative");
  const Json& policy = At(tag, "pullPolicy");
  if (policy.is_null()) return bad("pullPolicy must be set");
  if (!json::Int(policy, "ttlSecondsAfterFinished").has_value()) {
    return bad("pullPolicy.ttlSecondsAfterFinished must be set");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AdmitImagePullJob(const AdmissionRequest& request) {
  if (!request.gates.daemon) return Denied("feature-gate KruiseDaemon is not enabled");
  if (!request.gates.image_pull_jobs) return Denied("feature-gate ImagePullJobGate is not enabled");
  Json& object = *request.object;
  const Json& spec = At(object, "spec");
  const std::string image(json::String(spec, "image"));
  if (image.empty()) return Refuse("image can not be empty");
  if (!IsImageReference(image)) {
    return Refuse(absl::StrCat("invalid image ", image, ": not an image reference"));
  }
  if (absl::Status status = CheckNodes(spec); !status.ok()) return status;
  if (absl::Status status = CheckParallelism(At(spec, "parallelism")); !status.ok()) return status;
  if (absl::Status status = CheckCompletion(spec); !status.ok()) return status;
  if (request.old != nullptr) {
    const Json& now = At(spec, "pullSecrets");
    const Json& before = At(At(*request.old, "spec"), "pullSecrets");
    if (now != before && !(json::IsEmpty(now) && json::IsEmpty(before))) {
      return Denied("spec.pullSecrets is immutable");
    }
  }
  return absl::OkStatus();
}

absl::Status AdmitNodeImage(const AdmissionRequest& request) {
  if (!request.gates.daemon) return Denied("feature-gate KruiseDaemon is not enabled");
  Json& object = *request.object;
  if (!object.contains("spec") || !object["spec"].is_object()) return absl::OkStatus();
  Json& spec = object["spec"];
  if (!spec.contains("images") || !spec["images"].is_object()) return absl::OkStatus();
  if (spec["images"].size() > kMostImages) {
    return Refuse(absl::StrCat("at most ", kMostImages, " images are allowed"));
  }
  for (auto& [image, entry] : spec["images"].items()) {
    if (image.empty()) return Refuse("image can not be empty");
    const auto tags = entry.find("tags");
    if (tags == entry.end() || !tags->is_array()) continue;
    std::set<std::string> seen;
    for (Json& tag : *tags) {
      if (tag.is_object() && json::String(tag, "createdAt").empty()) {
        tag["createdAt"] = api::FormatTime(request.now);
      }
      if (absl::Status status = CheckTag(image, tag, seen); !status.ok()) return status;
    }
    std::stable_sort(tags->begin(), tags->end(), [](const Json& a, const Json& b) {
      return json::String(a, "tag") < json::String(b, "tag");
    });
  }
  return absl::OkStatus();
}

}  // namespace rekindle::api
