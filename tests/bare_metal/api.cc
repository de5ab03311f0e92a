#include "tests/bare_metal/api.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "tests/bed/process.h"

namespace rekindle::bare_metal {
namespace {

std::string Path(const std::string& group, const std::string& ns, const std::string& plural,
                 const std::string& name) {
  return absl::StrCat(group, "/namespaces/", ns, "/", plural, name.empty() ? "" : "/", name);
}

}  // namespace

std::string PodPath(const std::string& ns, const std::string& name) {
  return Path("/api/v1", ns, "pods", name);
}

std::string RequestPath(const std::string& ns, const std::string& name) {
  return Path("/apis/apps.kruise.io/v1beta1", ns, "containerrecreaterequests", name);
}

std::string EventPath(const std::string& ns) { return Path("/api/v1", ns, "events", ""); }

Json MakeRequest(const std::string& ns, const std::string& name, const std::string& pod,
                 const std::vector<std::string>& containers, Json spec) {
  spec["podName"] = pod;
  spec["containers"] = Json::array();
  for (const std::string& container : containers) {
    spec["containers"].push_back({{"name", container}});
  }
  return {{"apiVersion", "apps.kruise.io/v1beta1"},
          {"kind", "ContainerRecreateRequest"},
          {"metadata", {{"namespace", ns}, {"name", name}}},
          {"spec", std::move(spec)}};
}

absl::StatusOr<Json> Api::Send(const std::string& method, const std::string& path,
                               const std::string& type, const std::string& body) {
  conformance::Request request = {.method = method, .path = path, .body = body};
  if (!type.empty()) request.headers["Content-Type"] = type;
  absl::StatusOr<conformance::Answer> answer = http_.Call(request);
  if (!answer.ok()) return answer.status();
  if (answer->status >= 200 && answer->status < 300) return std::move(answer->tree);
  const std::string text =
      absl::StrCat(method, " ", path, ": ", answer->status, " ", answer->body.substr(0, 500));
  return answer->status == 404 ? absl::NotFoundError(text) : absl::AbortedError(text);
}

absl::StatusOr<Json> Api::Get(const std::string& path) { return Send("GET", path, "", ""); }

absl::StatusOr<Json> Api::Create(const std::string& path, const Json& object) {
  return Send("POST", path, "application/json", object.dump());
}

absl::StatusOr<Json> Api::CreateYaml(const std::string& path, const std::string& text) {
  return Send("POST", path, "application/yaml", text);
}

absl::StatusOr<Json> Api::MergePatch(const std::string& path, const Json& patch) {
  return Send("PATCH", path, "application/merge-patch+json", patch.dump());
}

absl::Status Api::Delete(const std::string& path) { return Send("DELETE", path, "", "").status(); }

ObjectWatch::ObjectWatch(const conformance::Endpoint& endpoint, std::string path)
    : path_(std::move(path)) {
  Move(endpoint);
}

void ObjectWatch::Move(const conformance::Endpoint& endpoint) {
  stream_.reset();
  http_ = std::make_unique<conformance::Http>(endpoint);
}

bool ObjectWatch::Open(absl::Duration limit) {
  if (stream_ != nullptr) return true;
  // Without a version it begins with what there is.
  stream_ = http_->Open({.path = path_ + "?watch=true"});
  if (stream_->AwaitStatus(limit) != 200) stream_.reset();
  return stream_ != nullptr;
}

void ObjectWatch::Read(absl::Duration limit) {
  if (!Open(limit)) return;
  const absl::StatusOr<std::string> line = stream_->Next(limit);
  if (!line.ok()) return;
  if (line->empty()) {
    stream_.reset();
    return;
  }
  Json event = Json::parse(*line, nullptr, false);
  const std::string type = event.is_object() ? event.value("type", "") : "";
  if (type != "ADDED" && type != "MODIFIED" && type != "DELETED") return stream_.reset();
  const std::string name = event["object"]["metadata"]["name"];
  Json object = type == "DELETED" ? Json() : std::move(event["object"]);
  // A watch that was begun anew shows again what was seen already.
  if (!object.is_null() && newest_[name] == object) return;
  newest_[name] = object;
  versions_.push_back({name, std::move(object)});
}

bool ObjectWatch::Await(const std::string& name, const std::function<bool(const Json&)>& holds,
                        absl::Duration limit) {
  const absl::Time end = absl::Now() + limit;
  return bed::WaitUntil(
      [&] {
        while (!holds(newest_[name])) {
          const size_t seen = versions_.size();
          Read(std::clamp(end - absl::Now(), absl::Milliseconds(1), absl::Seconds(1)));
          if (versions_.size() == seen) return false;
        }
        return true;
      },
      limit);
}

Json ObjectWatch::Newest(const std::string& name) const {
  const auto it = newest_.find(name);
  return it == newest_.end() ? Json() : it->second;
}

std::vector<Json> ObjectWatch::VersionsOf(const std::string& name) const {
  std::vector<Json> out;
  for (const Version& version : versions_) {
    if (version.name == name && !version.object.is_null()) out.push_back(version.object);
  }
  return out;
}

}  // namespace rekindle::bare_metal
