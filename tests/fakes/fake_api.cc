#include "tests/fakes/fake_api.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/api/selector.h"
#include "common/api/status.h"
#include "common/json/diff.h"
#include "common/json/patch.h"
#include "common/json/tree.h"

namespace rekindle {
namespace {

FakeApi::Answer Ok(const Json& body, int status = 200) {
  return {.status = status, .body = json::Dump(body) + "\n"};
}

FakeApi::Answer Refuse(const api::ApiError& error) {
  return {.status = error.code, .body = json::Dump(api::ErrorToJson(error)) + "\n"};
}

std::string Plural(const std::string& collection) {
  return collection.substr(collection.rfind('/') + 1);
}

api::Subject SubjectOf(const std::string& collection, const std::string& name) {
  const std::vector<std::string> parts = absl::StrSplit(collection, '/');
  return {.group = parts.size() > 4 ? parts[2] : "",
          .resource = parts.back(),
          .kind = parts.back(),
          .name = name};
}

}  // namespace

FakeApi::Answer FakeApi::Status(int code, const std::string& reason, const std::string& message) {
  api::ApiError error;
  error.code = code;
  error.reason = reason;
  error.message = message;
  return Refuse(error);
}

FakeApi::Answer FakeApi::Plain(int code, const std::string& text) {
  return {.status = code, .type = "text/plain; charset=utf-8", .body = text};
}

std::optional<FakeApi::Place> FakeApi::Locate(const std::string& path) {
  std::vector<std::string> parts = absl::StrSplit(path.substr(1), '/');
  const size_t base = parts[0] == "api" ? 2 : 3;
  if ((parts[0] != "api" && parts[0] != "apis") || parts.size() <= base) return std::nullopt;
  Place out;
  size_t at = base;
  if (parts[at] == "namespaces" && parts.size() > at + 2) {
    out.name_space = parts[at + 1];
    at += 2;
  }
  out.collection =
      absl::StrCat("/", absl::StrJoin(parts.begin(), parts.begin() + static_cast<long>(base), "/"),
                   "/", parts[at]);
  if (parts.size() > at + 1) out.name = parts[at + 1];
  if (parts.size() > at + 2) out.subresource = parts[at + 2];
  return out;
}

bool FakeApi::Matches(const Json& object, const Place& place, const std::string& labels,
                      const std::string& fields) {
  if (!place.name_space.empty() &&
      json::String(object, {"metadata", "namespace"}) != place.name_space) {
    return false;
  }
  if (!labels.empty()) {
    api::StringMap have;
    if (const Json* tree = json::Find(object, {"metadata", "labels"})) {
      for (const auto& [key, value] : tree->items()) have.Set(key, value.get<std::string>());
    }
    const auto selector = api::Selector::Parse(labels);
    if (!selector.ok() || !selector->Matches(have)) return false;
  }
  const std::string by_name = "metadata.name=";
  return !absl::StartsWith(fields, by_name) ||
         json::String(object, {"metadata", "name"}) == fields.substr(by_name.size());
}

FakeApi::Answer FakeApi::Handle(const Request& request) {
  Interceptor interceptor;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    requests_.push_back(request);
    interceptor = interceptor_;
    for (Failure& failure : failures_) {
      if (failure.left == 0 || failure.watch != request.IsWatch()) continue;
      if (!failure.method.empty() && failure.method != request.method) continue;
      if (!absl::StrContains(request.path, failure.part)) continue;
      --failure.left;
      return failure.answer;
    }
  }
  if (interceptor) {
    if (std::optional<Answer> answer = interceptor(request)) return *answer;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  return HandleLocked(request);
}

FakeApi::Answer FakeApi::HandleLocked(const Request& request) {
  if (!tokens_.empty() && request.peer.empty()) {
    const std::string sent = request.Header("authorization");
    const bool known = std::any_of(tokens_.begin(), tokens_.end(), [&](const std::string& token) {
      return sent == "Bearer " + token;
    });
    if (!known) return Refuse(api::Unauthorized());
  }
  const std::optional<Place> place = Locate(request.path);
  if (!place.has_value()) return Plain(404, "404 page not found\n");
  if (request.method == "GET" && request.IsWatch()) return BeginWatch(request, *place);
  if (request.method == "GET" && place->name.empty()) return List(request, *place);
  if (request.method == "POST") return Create(request, *place);
  Objects& objects = collections_[place->collection];
  const auto found = objects.find({place->name_space, place->name});
  if (found == objects.end()) {
    return Refuse(api::NotFound(SubjectOf(place->collection, place->name)));
  }
  if (request.method == "GET") return Ok(found->second);
  if (request.method == "DELETE") return Delete(request, *place);
  return Write(request, *place);
}

std::string FakeApi::ListKind(const std::string& collection) {
  return Plural(collection) == "pods" ? "PodList" : "List";
}

FakeApi::Answer FakeApi::List(const Request& request, const Place& place) {
  size_t limit = 0;
  (void)absl::SimpleAtoi(request.Query("limit"), &limit);
  Pages pages = {.version = version_};
  const std::string token = request.Query("continue");
  if (!token.empty()) {
    const auto found = pages_.find(token);
    if (found == pages_.end()) {
      return Refuse(api::Expired("The provided continue parameter is too old", "inconsistent"));
    }
    pages = std::move(found->second);
    pages_.erase(found);
  } else {
    uint64_t wanted = 0;
    (void)absl::SimpleAtoi(request.Query("resourceVersion"), &wanted);
    if (wanted > version_) return Refuse(api::TooLargeResourceVersion(wanted, version_));
    for (const auto& [key, object] : collections_[place.collection]) {
      if (Matches(object, place, request.Query("labelSelector"), request.Query("fieldSelector"))) {
        pages.rest.push_back(object);
      }
    }
    // From the cache the limit does not count.
    if (request.Query("resourceVersion") == "0") limit = 0;
  }
  Json items = Json::array();
  size_t taken = 0;
  while (taken < pages.rest.size() && (limit == 0 || taken < limit)) {
    Json item = pages.rest[taken++];
    // Lists of built-in kinds leave it out.
    item.erase("kind");
    item.erase("apiVersion");
    items.push_back(std::move(item));
  }
  pages.rest.erase(pages.rest.begin(), pages.rest.begin() + static_cast<long>(taken));
  Json metadata = {{"resourceVersion", std::to_string(pages.version)}};
  if (!pages.rest.empty()) {
    const std::string next = absl::StrCat("page-", next_token_++);
    metadata["continue"] = next;
    pages_[next] = std::move(pages);
  }
  return Ok({{"kind", ListKind(place.collection)},
             {"apiVersion", "v1"},
             {"metadata", metadata},
             {"items", items}});
}

FakeApi::Answer FakeApi::BeginWatch(const Request& request, const Place&) {
  uint64_t from = 0;
  (void)absl::SimpleAtoi(request.Query("resourceVersion"), &from);
  if (from < compacted_) {
    const Json event = {
        {"type", "ERROR"},
        {"object", api::ErrorToJson(api::Expired(
                       absl::StrCat("too old resource version: ", from, " (", compacted_, ")")))}};
    return {.body = json::Dump(event) + "\n", .stream = true};
  }
  return {.stream = true, .watch_from = from};
}

uint64_t FakeApi::Attach(const Request& request, uint64_t from, Sink sink) {
  std::lock_guard<std::mutex> lock(mutex_);
  const uint64_t id = next_watch_++;
  Watch watch = {.place = *Locate(request.path),
                 .labels = request.Query("labelSelector"),
                 .fields = request.Query("fieldSelector"),
                 .sink = std::move(sink)};
  for (const Change& change : history_) {
    if (change.version <= from) continue;
    if (auto frame = FrameFor(watch, change)) watch.sink(*frame);
  }
  watches_[id] = std::move(watch);
  return id;
}

void FakeApi::Detach(uint64_t watch) {
  std::lock_guard<std::mutex> lock(mutex_);
  watches_.erase(watch);
}

std::optional<std::string> FakeApi::FrameFor(const Watch& watch, const Change& change) {
  if (watch.place.collection != change.collection) return std::nullopt;
  const bool now = Matches(change.object, watch.place, watch.labels, watch.fields);
  const bool before =
      !change.before.is_null() && Matches(change.before, watch.place, watch.labels, watch.fields);
  std::string type = change.type;
  if (type == "DELETED") {
    if (!now && !before) return std::nullopt;
  } else if (now) {
    type = before ? "MODIFIED" : "ADDED";
  } else if (before) {
    type = "DELETED";
  } else {
    return std::nullopt;
  }
  return json::Dump({{"type", type}, {"object", change.object}}) + "\n";
}

void FakeApi::Announce(const Change& change) {
  for (const auto& [id, watch] : watches_) {
    if (auto frame = FrameFor(watch, change)) watch.sink(*frame);
  }
}

Json FakeApi::Store(const std::string& collection, Json object, const Json& before) {
  Json& meta = object["metadata"];
  if (before.is_null()) {
    if (!meta.contains("uid")) meta["uid"] = absl::StrCat("uid-", next_uid_++);
  } else {
    meta["uid"] = before["metadata"]["uid"];
  }
  ++version_;
  meta["resourceVersion"] = std::to_string(version_);
  const std::string name_space = meta.value("namespace", "");
  const std::string name = meta.value("name", "");
  history_.push_back(
      {version_, collection, before.is_null() ? "ADDED" : "MODIFIED", object, before});
  collections_[collection][{name_space, name}] = object;
  Announce(history_.back());
  return object;
}

FakeApi::Answer FakeApi::Create(const Request& request, const Place& place) {
  absl::StatusOr<Json> object = json::Parse(request.body);
  if (!object.ok()) return Refuse(api::BadRequest(object.status().message()));
  if (!place.name.empty()) return Ok({{"kind", "Status"}, {"status", "Success"}}, 201);
  Json& meta = (*object)["metadata"];
  if (!place.name_space.empty()) meta["namespace"] = place.name_space;
  const std::string name = meta.value("name", "");
  if (collections_[place.collection].contains({place.name_space, name})) {
    return Refuse(api::AlreadyExists(SubjectOf(place.collection, name)));
  }
  return Ok(Store(place.collection, *std::move(object), nullptr), 201);
}

FakeApi::Answer FakeApi::Write(const Request& request, const Place& place) {
  const Json before = collections_[place.collection][{place.name_space, place.name}];
  absl::StatusOr<Json> body = json::Parse(request.body);
  if (!body.ok()) return Refuse(api::BadRequest(body.status().message()));
  Json after;
  const std::string type = request.Header("content-type");
  if (request.method == "PUT") {
    after = *body;
  } else if (type == "application/json-patch+json") {
    absl::StatusOr<Json> patched = json::ApplyJsonPatch(before, *body);
    if (!patched.ok()) return Refuse(api::UnprocessablePatch());
    after = *patched;
  } else {
    after = json::ApplyMergePatch(before, *body);
  }
  const absl::string_view wanted = json::String(after, {"metadata", "resourceVersion"});
  if (!wanted.empty() && wanted != json::String(before, {"metadata", "resourceVersion"})) {
    return Refuse(api::Conflict(SubjectOf(place.collection, place.name)));
  }
  after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"];
  after["metadata"]["uid"] = before["metadata"]["uid"];
  if (after == before) return Ok(before);
  return Ok(Store(place.collection, std::move(after), before));
}

FakeApi::Answer FakeApi::Delete(const Request& request, const Place& place) {
  Objects& objects = collections_[place.collection];
  Json object = objects[{place.name_space, place.name}];
  if (const absl::StatusOr<Json> options = json::Parse(request.body); options.ok()) {
    const absl::string_view uid = json::String(*options, {"preconditions", "uid"});
    if (!uid.empty() && uid != json::String(object, {"metadata", "uid"})) {
      return Refuse(
          api::DeleteConflict(SubjectOf(place.collection, place.name), "the UID differs"));
    }
  }
  objects.erase({place.name_space, place.name});
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  history_.push_back({version_, place.collection, "DELETED", object, nullptr});
  Announce(history_.back());
  return Ok(api::DeletedStatus(SubjectOf(place.collection, place.name),
                               json::String(object, {"metadata", "uid"})));
}

void FakeApi::Intercept(Interceptor interceptor) {
  std::lock_guard<std::mutex> lock(mutex_);
  interceptor_ = std::move(interceptor);
}

void FakeApi::Fail(const std::string& method, const std::string& path_part, bool watch,
                   Answer answer, int times) {
  std::lock_guard<std::mutex> lock(mutex_);
  failures_.push_back({method, path_part, watch, std::move(answer), times});
}

Json FakeApi::Put(const std::string& collection, Json object) {
  std::lock_guard<std::mutex> lock(mutex_);
  const std::string name_space = object["metadata"].value("namespace", "");
  const std::string name = object["metadata"].value("name", "");
  const auto& objects = collections_[collection];
  const auto found = objects.find({name_space, name});
  const Json before = found == objects.end() ? Json() : found->second;
  return Store(collection, std::move(object), before);
}

void FakeApi::Remove(const std::string& collection, const std::string& name_space,
                     const std::string& name) {
  std::lock_guard<std::mutex> lock(mutex_);
  Place place = {.collection = collection, .name_space = name_space, .name = name};
  if (collections_[collection].contains({name_space, name})) (void)Delete({}, place);
}

std::optional<Json> FakeApi::Find(const std::string& collection, const std::string& name_space,
                                  const std::string& name) const {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto objects = collections_.find(collection);
  if (objects == collections_.end()) return std::nullopt;
  const auto found = objects->second.find({name_space, name});
  if (found == objects->second.end()) return std::nullopt;
  return found->second;
}

size_t FakeApi::Count(const std::string& collection) const {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto objects = collections_.find(collection);
  return objects == collections_.end() ? 0 : objects->second.size();
}

void FakeApi::SendRaw(const std::string& text) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [id, watch] : watches_) watch.sink(text);
}

void FakeApi::Bookmark() {
  std::string version;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    version = std::to_string(version_);
  }
  SendRaw(
      json::Dump({{"type", "BOOKMARK"},
                  {"object", {{"kind", "Pod"}, {"metadata", {{"resourceVersion", version}}}}}}) +
      "\n");
}

void FakeApi::EndWatches() {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [id, watch] : watches_) watch.sink(std::nullopt);
  watches_.clear();
}

void FakeApi::BreakWatches() {
  std::lock_guard<std::mutex> lock(mutex_);
  // Understood by both wires as a cut.
  for (const auto& [id, watch] : watches_) watch.sink(std::string());
  watches_.clear();
}

void FakeApi::Compact() {
  std::lock_guard<std::mutex> lock(mutex_);
  compacted_ = version_ + 1;
  ++version_;
  history_.clear();
  pages_.clear();
}

void FakeApi::RequireTokens(std::vector<std::string> tokens) {
  std::lock_guard<std::mutex> lock(mutex_);
  tokens_ = std::move(tokens);
}

uint64_t FakeApi::version() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return version_;
}

size_t FakeApi::watches() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return watches_.size();
}

std::vector<FakeApi::Request> FakeApi::requests() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return requests_;
}

size_t FakeApi::CountRequests(const std::string& method, const std::string& part,
                              bool watch) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<size_t>(
      std::count_if(requests_.begin(), requests_.end(), [&](const Request& request) {
        return request.method == method && request.IsWatch() == watch &&
               absl::StrContains(request.path, part);
      }));
}

void FakeApi::ForgetRequests() {
  std::lock_guard<std::mutex> lock(mutex_);
  requests_.clear();
}

}  // namespace rekindle
