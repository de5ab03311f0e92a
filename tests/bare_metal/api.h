#ifndef REKINDLE_TESTS_BARE_METAL_API_H_
#define REKINDLE_TESTS_BARE_METAL_API_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include <nlohmann/json.hpp>

#include "tests/conformance/http.h"

namespace rekindle::bare_metal {

using Json = nlohmann::json;

// Paths of the API; without a name those of the collection.
std::string PodPath(const std::string& ns, const std::string& name = "");
std::string RequestPath(const std::string& ns, const std::string& name = "");
std::string EventPath(const std::string& ns);

// A ContainerRecreateRequest for `containers` of `pod`, in this order. The members of `spec` are
// put into its spec.
Json MakeRequest(const std::string& ns, const std::string& name, const std::string& pod,
                 const std::vector<std::string>& containers, Json spec = Json::object());

// Plain calls of the REST API: what a user's client would do. Threads: owned by one.
class Api {
 public:
  explicit Api(conformance::Endpoint endpoint) : http_(std::move(endpoint)) {}

  // Errors: those of Http::Call; kNotFound for a 404, else kAborted with the server's message.
  absl::StatusOr<Json> Get(const std::string& path);
  absl::StatusOr<Json> Create(const std::string& path, const Json& object);
  // The same with the object as YAML text.
  absl::StatusOr<Json> CreateYaml(const std::string& path, const std::string& text);
  absl::StatusOr<Json> MergePatch(const std::string& path, const Json& patch);
  absl::Status Delete(const std::string& path);

 private:
  absl::StatusOr<Json> Send(const std::string& method, const std::string& path,
                            const std::string& type, const std::string& body);

  conformance::Http http_;
};

// Follows a collection by a watch and keeps every version that it shows, in their order.
// Threads: owned by one.
class ObjectWatch {
 public:
  struct Version {
    std::string name;
    Json object;  // null: it was deleted
  };

  ObjectWatch(const conformance::Endpoint& endpoint, std::string path);

  // Begins now, if it has not: nothing that is made afterwards is missed. Whether it did within
  // `limit`.
  bool Open(absl::Duration limit = absl::Seconds(60));
  // Reads on until `holds` of the newest version of `name` (null: there is none yet, or it was
  // deleted). False when it does not within `limit`. A watch that ends is begun anew.
  bool Await(const std::string& name, const std::function<bool(const Json&)>& holds,
             absl::Duration limit = absl::Seconds(60));
  // The newest version that was seen; null as above.
  Json Newest(const std::string& name) const;
  const std::vector<Version>& versions() const { return versions_; }
  // Of one name, without deletions.
  std::vector<Json> VersionsOf(const std::string& name) const;
  // From now on at this server: one that was started anew has another port.
  void Move(const conformance::Endpoint& endpoint);

 private:
  void Read(absl::Duration limit);

  const std::string path_;
  std::unique_ptr<conformance::Http> http_;
  std::unique_ptr<conformance::Stream> stream_;
  std::vector<Version> versions_;
  std::map<std::string, Json> newest_;
};

}  // namespace rekindle::bare_metal

#endif  // REKINDLE_TESTS_BARE_METAL_API_H_
