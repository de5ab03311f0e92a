#ifndef REKINDLE_DAEMON_RESTART_POD_READER_H_
#define REKINDLE_DAEMON_RESTART_POD_READER_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/cri/runtime.h"
#include "daemon/restart/operation.h"

namespace rekindle::restart {

// A pod as the runtime sees it now: its one ready sandbox and everything in it.
struct PodView {
  PodRef pod;  // with the real UID
  ::runtime::v1::PodSandbox sandbox;
  std::vector<::runtime::v1::Container> containers;  // newest first (spec/node-runtime 1.5)
  // What occupies names of containers beside a kubelet; never among `containers`.
  std::vector<::runtime::v1::Container> placeholders;

  // The container that counts as "the" container of that name: the newest. Null: none.
  const ::runtime::v1::Container* Newest(std::string_view name) const;
  // The container of that name and attempt. Null: none.
  const ::runtime::v1::Container* Find(std::string_view name, uint32_t attempt) const;
  // The largest attempt of that name plus one: what the next one is called.
  uint32_t NextAttempt(std::string_view name) const;
  // The placeholder that occupies that attempt of the name. Null: none.
  const ::runtime::v1::Container* Placeholder(std::string_view name, uint32_t attempt) const;
};

// The same with the verbose status of sandbox and of the newest container of some names. What all
// containers of a request have in common is shared, not copied.
struct PodDetails {
  std::shared_ptr<const PodView> view;
  std::shared_ptr<const ::runtime::v1::PodSandboxStatusResponse> sandbox;
  std::map<std::string, ::runtime::v1::ContainerStatusResponse, std::less<>> current;
};

// Reads a pod. Identity is checked on the real sandbox (DESIGN.md section 1): metadata, and labels
// where they are set.
// Errors: kNotFound (no such pod), kFailedPrecondition (another UID under that name: names it; no
// ready sandbox, or more than one; labels that contradict), kUnavailable and others as the runtime
// gave them. Threads: the loop's thread; replies arrive there.
void ReadPod(cri::Runtime& runtime, const PodRef& pod, cri::Reply<PodView> reply);

// Reads a pod and the verbose status of the newest container of each of `names`: in two rounds of
// calls where the pod and those containers carry the usual labels, as it is time before a stop.
// Errors: as above; kNotFound naming a container that is not there and those that are.
void ReadPodDetails(cri::Runtime& runtime, const PodRef& pod, std::vector<std::string> names,
                    cri::Reply<PodDetails> reply);

// True when an error of ReadPod or ReadPodDetails says something of the pod. Any other may pass: a
// runtime that is away, or one that has just started and answers UNKNOWN until it is ready
// (spec/node-runtime 1.3).
bool SaysSomethingOfThePod(const absl::Status& status);

// The label by which a runtime finds the containers of one name; not every client sets it.
inline constexpr char kContainerNameLabel[] = "io.kubernetes.container.name";

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_POD_READER_H_
