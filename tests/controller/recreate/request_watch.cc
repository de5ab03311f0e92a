#include "tests/controller/recreate/request_watch.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "common/json/tree.h"

namespace rekindle {
namespace {

// Of a server that is being started again.
constexpr absl::Duration kPause = absl::Milliseconds(20);
constexpr absl::Duration kPatience = absl::Seconds(30);

}  // namespace

RequestWatch::RequestWatch(conformance::Endpoint endpoint, const std::string& name_space)
    : endpoint_(std::move(endpoint)),
      path_(absl::StrCat("/apis/apps.kruise.io/v1beta1/namespaces/", name_space,
                         "/containerrecreaterequests?watch=1")),
      thread_([this] { Run(); }) {}

RequestWatch::~RequestWatch() {
  stop_ = true;
  thread_.join();
}

std::map<std::string, SeenRequest> RequestWatch::seen() const {
  MutexLock lock(&mutex_);
  return seen_;
}

void RequestWatch::Run() {
  while (!stop_) {
    Follow();
    if (!stop_) absl::SleepFor(kPause);
  }
}

// Begins with all that there are, so nothing is lost between two watches.
void RequestWatch::Follow() {
  conformance::Http http(endpoint_);
  const std::unique_ptr<conformance::Stream> stream = http.Open({.path = path_});
  if (stream->AwaitStatus(kPatience) != 200) return;
  open_ = true;
  while (!stop_) {
    const absl::StatusOr<std::string> line = stream->Next(absl::Milliseconds(200));
    if (!line.ok()) continue;
    if (line->empty()) return;
    const nlohmann::json event = nlohmann::json::parse(*line, nullptr, false);
    if (event.is_discarded()) return;
    const absl::string_view type = json::String(event, "type");
    if (type == "ERROR") return;
    if (type != "DELETED") Take(event.at("object"));
  }
}

void RequestWatch::Take(const nlohmann::json& request) {
  const std::string name(json::String(request, {"metadata", "name"}));
  const std::string version(json::String(request, {"metadata", "resourceVersion"}));
  const bool ended = json::String(request, {"status", "phase"}) == "Completed";
  MutexLock lock(&mutex_);
  const auto [it, fresh] = seen_.try_emplace(name);
  SeenRequest& seen = it->second;
  if (fresh) {
    seen.created = absl::Now();
    seen.begun = seen.completed = absl::InfiniteFuture();
    seen.uid = std::string(json::String(request, {"metadata", "uid"}));
  }
  if (seen.version == version || seen.completed < absl::InfiniteFuture()) return;
  seen.version = version;
  if (!fresh) ++seen.changes;
  if (seen.begun == absl::InfiniteFuture() && !json::String(request, {"status", "phase"}).empty()) {
    seen.begun = absl::Now();
  }
  if (!ended) return;
  seen.message = std::string(json::String(request, {"status", "message"}));
  const nlohmann::json* states = json::Find(request, {"status", "containerRecreateStates"});
  if (states != nullptr && states->is_array() && !states->empty()) {
    seen.container = std::string(json::String(states->front(), "phase"));
    seen.container_message = std::string(json::String(states->front(), "message"));
  }
  seen.completed = absl::Now();
  ++completed_;
}

}  // namespace rekindle
