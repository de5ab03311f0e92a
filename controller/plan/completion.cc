#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/api/container_hash.h"
#include "controller/plan/inplace.h"

namespace rekindle::plan {
namespace {

using api::Bit;
using api::ContainerShape;
using api::ContainerStatus;
using api::PodRecord;
using api::Progress;

uint32_t ExpectedEnvHash(const PodRecord& pod, const ContainerShape& container) {
  if (container.refs.empty()) return api::kNoEnvHash;
  std::vector<std::pair<std::string, std::string>> values;
  for (const api::EnvRef& ref : container.refs) {
    const absl::string_view value =
        ref.label ? pod.Label(ref.key)
                  : (pod.annotations ? pod.annotations->Get(ref.key) : absl::string_view());
    values.emplace_back(ref.env, std::string(value));
  }
  return api::EnvHash(std::move(values));
}

bool Current(const ContainerStatus& status) {
  return status.present && status.id != 0 && status.meta_id == status.id;
}

// 12.3 for the environment: every container, also those that read nothing.
std::optional<Reason> EnvPending(const PodRecord& pod) {
  if (!pod.meta_present) return Because(Code::kMetaMissing);
  for (size_t i = 0; i < pod.shape->containers.size(); ++i) {
    const ContainerShape& container = pod.shape->containers[i];
    if (!Current(pod.statuses[i]) || pod.statuses[i].meta_env != ExpectedEnvHash(pod, container)) {
      return Because(Code::kEnvHashDiffers, container.name);
    }
  }
  return std::nullopt;
}

bool PlainHashesAgree(const PodRecord& pod) {
  if (!pod.meta_present) return false;
  for (size_t i = 0; i < pod.shape->containers.size(); ++i) {
    const ContainerShape& container = pod.shape->containers[i];
    const ContainerStatus& status = pod.statuses[i];
    if (!Current(status) || status.meta_plain != container.plain_hash) return false;
  }
  return true;
}

bool Covers(const api::ResourceValues& reported, const api::ResourceValues& wanted) {
  for (const absl::string_view name : {"cpu", "memory"}) {
    const auto want = wanted.find(std::string(name));
    if (want == wanted.end()) continue;
    const auto have = reported.find(std::string(name));
    if (have == reported.end() || have->second != want->second) return false;
  }
  return true;
}

// Only the resized containers and only what was asked for (pitfall 13).
std::optional<Reason> ResizePending(const PodRecord& pod, const Progress& progress) {
  const uint64_t touched = progress.Touched();
  for (size_t i = 0; i < pod.shape->containers.size(); ++i) {
    if ((touched & Bit(i)) == 0) continue;
    const ContainerShape& container = pod.shape->containers[i];
    const ContainerStatus& status = pod.statuses[i];
    if (!status.present || !status.resources) {
      return Because(Code::kStatusMissing, container.name);
    }
    if (Covers(status.resources->requests, container.resources.requests) &&
        Covers(status.resources->limits, container.resources.limits)) {
      continue;
    }
    if (pod.resize_infeasible) return Because(Code::kResizeInfeasible, container.name);
    if (pod.resize_deferred) return Because(Code::kResizeDeferred, container.name);
    return Because(Code::kResourcesDiffer, container.name);
  }
  return std::nullopt;
}

// 12.4: another image ID, or the same one under the wanted name.
std::optional<Reason> ImagePending(const PodRecord& pod, const Progress& progress) {
  if (progress.recorded_gone) return Because(Code::kStatusMissing, "that was removed");
  for (const Progress::Value& last : progress.last_image_ids) {
    const ContainerShape& container = pod.shape->containers[last.container];
    const ContainerStatus& status = pod.statuses[last.container];
    if (!status.present) return Because(Code::kStatusMissing, container.name);
    if (status.image_id() != last.text.view()) continue;
    const absl::string_view reported = status.image ? absl::string_view(status.image->image) : "";
    if (NormalizeImage(reported) != NormalizeImage(container.image.view())) {
      return Because(Code::kImageUnchanged, container.name);
    }
  }
  return std::nullopt;
}

std::optional<Reason> RestartPending(const PodRecord& pod, const Progress& progress) {
  for (const auto& [container, id] : progress.last_ids) {
    const ContainerStatus& status = pod.statuses[container];
    if (!status.present || status.id == id || status.id == 0) {
      return Because(Code::kNotRestarted, pod.shape->containers[container].name);
    }
  }
  return std::nullopt;
}

std::optional<Reason> ContainersPending(const PodRecord& pod, const Progress& progress,
                                        const InPlaceOptions& options) {
  if (pod.meta_present && pod.meta_invalid) return Because(Code::kMetaBroken);
  if (progress.env_from_metadata) {
    if (std::optional<Reason> reason = EnvPending(pod)) return reason;
  }
  if (options.vertical && progress.resources) {
    if (std::optional<Reason> reason = ResizePending(pod, progress)) return reason;
  }
  if (std::optional<Reason> reason = RestartPending(pod, progress)) return reason;
  if (PlainHashesAgree(pod)) return std::nullopt;
  return ImagePending(pod, progress);
}

}  // namespace

std::string NormalizeImage(absl::string_view image) {
  if (image.empty()) return "";
  std::string out(image);
  const size_t slash = out.find('/');
  const std::string first = slash == std::string::npos ? "" : out.substr(0, slash);
  const bool has_host = !first.empty() && (absl::StrContains(first, ".") ||
                                           absl::StrContains(first, ":") || first == "localhost");
  if (!has_host) {
    out = absl::StrCat("docker.io/", slash == std::string::npos ? "library/" : "", out);
  } else if (first == "index.docker.io") {
    out = absl::StrCat("docker.io", out.substr(slash));
  }
  const size_t last = out.rfind('/');
  if (!absl::StrContains(out, "@") && out.find(':', last) == std::string::npos) out += ":latest";
  return out;
}

Completion CompletionOf(const PodRecord& pod, const InPlaceOptions& options) {
  Completion out;
  if (pod.book == nullptr) {
    out.done = out.containers_done = true;
    return out;
  }
  const api::InPlaceBook& book = *pod.book;
  if (book.state_invalid || book.grace_invalid) {
    // Complete-unknown: one broken annotation must not hold up the workload (pitfalls 26, 27).
    out.done = out.containers_done = true;
    out.why = Because(Code::kStateBroken);
    return out;
  }
  const Progress none;
  const Progress& progress = book.progress ? *book.progress : none;
  std::optional<Reason> pending;
  if (book.progress) pending = ContainersPending(pod, progress, options);
  out.containers_done = !pending.has_value();
  if (book.grace) {
    out.why = Because(Code::kGraceRunning);
  } else if (pending.has_value()) {
    out.why = *pending;
  } else if (progress.HasNext()) {
    out.why = Because(Code::kNextBatch);
  } else {
    out.done = true;
  }
  return out;
}

}  // namespace rekindle::plan
