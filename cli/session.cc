#include "cli/session.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/call.h"

#include "common/base/text.h"

namespace rekindle::cli {

void Session::Print(const google::protobuf::Message& message,
                    const std::function<std::string()>& table) const {
  switch (format) {
    case Format::kJson:
      io.out << ToJson(message, /*compact=*/false);
      break;
    case Format::kYaml:
      io.out << ToYaml(message);
      break;
    case Format::kTable:
    case Format::kWide:
      io.out << table();
      break;
  }
  io.out.flush();
}

int Session::Fail(const absl::Status& status) const {
  if (io.interrupted.load()) {
    io.err << "interrupted\n";
    return kExitInterrupted;
  }
  io.err << "error: " << Explain(status, target) << "\n";
  return ExitCodeFor(status);
}

absl::StatusOr<v1::ListPodsResponse> Session::ListPods(const v1::PodRef& filter,
                                                       bool include_exited) const {
  v1::ListPodsRequest request;
  request.set_namespace_(filter.namespace_());
  request.set_name(filter.name());
  request.set_uid(filter.uid());
  request.set_include_exited(include_exited);
  return Call<v1::ListPodsResponse>(io, call_limit(), [&](auto* context, auto* queue) {
    return stub->PrepareAsyncListPods(context, request, queue);
  });
}

absl::StatusOr<v1::PodRef> ParsePod(absl::string_view text) {
  v1::PodRef pod;
  const size_t slash = text.find('/');
  const absl::string_view ns = slash == absl::string_view::npos ? "default" : text.substr(0, slash);
  const absl::string_view name = slash == absl::string_view::npos ? text : text.substr(slash + 1);
  if (ns.empty() || name.empty() || name.find('/') != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("POD: \"", PrintableText(text), "\" is neither NAME nor NAMESPACE/NAME"));
  }
  pod.set_namespace_(std::string(ns));
  pod.set_name(std::string(name));
  return pod;
}

absl::Status WithNearest(const absl::Status& status, absl::string_view word,
                         const std::vector<std::string>& candidates) {
  const std::vector<std::string> near = NearestWords(word, candidates, 3);
  if (!absl::IsNotFound(status) || near.empty()) return status;
  return absl::NotFoundError(
      absl::StrCat(status.message(), "; did you mean ", absl::StrJoin(near, ", "), "?"));
}

}  // namespace rekindle::cli
