#include "common/client/api_client.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "common/client/bodies.h"
#include "common/json/tree.h"

namespace rekindle::client {
namespace {

// A read whose connection broke before the answer: the second attempt uses another connection.
constexpr int kBrokenReads = 2;
constexpr absl::Duration kBrokenReadPause = absl::Milliseconds(50);
constexpr int kUnauthorized = 401;
constexpr int kTooManyRequests = 429;
constexpr int kTurnsBeforeBackground = 9;

absl::string_view PatchMediaType(PatchType type) {
  switch (type) {
    case PatchType::kJson:
      return "application/json-patch+json";
    case PatchType::kMerge:
      return "application/merge-patch+json";
    case PatchType::kStrategic:
      return "application/strategic-merge-patch+json";
    case PatchType::kApply:
      return "application/apply-patch+yaml";
  }
  return "";
}

QueryParameters Parameters(const WriteOptions& options) {
  return {{"fieldManager", options.field_manager},
          {"fieldValidation", options.field_validation},
          {"dryRun", options.dry_run ? "All" : ""},
          {"force", options.force ? "true" : ""}};
}

Json DeleteBody(const DeleteOptions& options) {
  Json out = {{"kind", "DeleteOptions"}, {"apiVersion", "v1"}};
  if (!options.uid.empty()) out["preconditions"]["uid"] = options.uid;
  if (!options.resource_version.empty()) {
    out["preconditions"]["resourceVersion"] = options.resource_version;
  }
  if (!options.propagation.empty()) out["propagationPolicy"] = options.propagation;
  if (options.grace_seconds >= 0) out["gracePeriodSeconds"] = options.grace_seconds;
  if (options.dry_run) out["dryRun"] = Json::array({"All"});
  return out;
}

}  // namespace

struct ApiClient::Call {
  std::string verb;
  ObjectRef subject;
  HttpRequest request;  // without credentials
  std::shared_ptr<WatchedBody> reader;
  std::shared_ptr<BodyReader> inner;
  bool write = false;
  bool background = false;
  Reply done;
  std::shared_ptr<JsonBody> json;  // the inner reader, when it is ours to start again
  absl::Duration begun;
  absl::Duration deadline;  // monotonic
  int attempts = 0;
  int broken = 0;
  bool has_place = false;
  bool reauthorized = false;
  uint64_t generation = 0;
  Transport::CallId sent = 0;
  ScopedTimer timer;
};

ApiClient::ApiClient(Loop& loop, Transport& transport, CredentialSource& credentials,
                     Options options)
    : loop_(loop),
      transport_(transport),
      credentials_(credentials),
      options_(std::move(options)),
      bucket_(options_.requests_per_second, options_.burst) {}

ApiClient::~ApiClient() {
  *alive_ = false;
  for (auto& [id, call] : calls_) {
    if (call->sent != 0) transport_.Cancel(call->sent);
  }
}

ApiClient::Call* ApiClient::Find(CallId id) {
  const auto it = calls_.find(id);
  return it == calls_.end() ? nullptr : it->second.get();
}

ApiClient::CallId ApiClient::Refuse(absl::Status why, Reply done) {
  // As a call of its own, so that it can be cancelled like any other.
  auto call = std::make_unique<Call>();
  call->done = std::move(done);
  call->begun = loop_.Monotonic();
  const CallId id = next_++;
  calls_[id] = std::move(call);
  loop_.Post([this, alive = alive_, id, why = std::move(why)] {
    if (*alive) Finish(id, why);
  });
  return id;
}

ApiClient::CallId ApiClient::StartJson(absl::string_view verb, const ObjectRef& ref,
                                       absl::StatusOr<std::string> path, HttpRequest request,
                                       bool background, JsonDone done) {
  auto json = std::make_shared<std::shared_ptr<JsonBody>>();
  Reply reply = [json, done = std::move(done)](absl::StatusOr<HttpReply> got) mutable {
    if (!got.ok()) return done(got.status());
    done((*json)->Take());
  };
  if (!path.ok()) return Refuse(path.status(), std::move(reply));
  auto call = std::make_unique<Call>();
  call->verb = std::string(verb);
  call->subject = ref;
  call->request = std::move(request);
  call->request.target = *std::move(path);
  call->request.timeout = options_.timeout;
  call->write = call->request.method != "GET";
  call->background = background;
  call->done = std::move(reply);
  call->json = std::make_shared<JsonBody>(options_.max_body_bytes);
  *json = call->json;
  call->inner = call->json;
  return Begin(std::move(call));
}

ApiClient::CallId ApiClient::Get(const ObjectRef& ref, JsonDone done) {
  return StartJson("get", ref, ObjectPath(ref), {}, /*background=*/false, std::move(done));
}

ApiClient::CallId ApiClient::Create(const ObjectRef& ref, const Json& object,
                                    const WriteOptions& options, JsonDone done) {
  absl::StatusOr<std::string> path =
      ref.subresource.empty() ? CollectionPath(ref.resource, ref.key.name_space) : ObjectPath(ref);
  if (path.ok() && ref.resource.namespaced && ref.key.name_space.empty()) {
    path = absl::InvalidArgumentError("namespace: must be set");
  }
  if (path.ok()) path = WithQuery(*path, Parameters(options));
  return StartJson("create", ref, std::move(path),
                   {.method = "POST",
                    .headers = {{"Content-Type", "application/json"}},
                    .body = json::Dump(object)},
                   options.background, std::move(done));
}

ApiClient::CallId ApiClient::Update(const ObjectRef& ref, const Json& object,
                                    const WriteOptions& options, JsonDone done) {
  absl::StatusOr<std::string> path = ObjectPath(ref);
  if (path.ok()) path = WithQuery(*path, Parameters(options));
  return StartJson("update", ref, std::move(path),
                   {.method = "PUT",
                    .headers = {{"Content-Type", "application/json"}},
                    .body = json::Dump(object)},
                   options.background, std::move(done));
}

ApiClient::CallId ApiClient::Patch(const ObjectRef& ref, PatchType type, const Json& patch,
                                   const WriteOptions& options, JsonDone done) {
  absl::StatusOr<std::string> path = ObjectPath(ref);
  if (path.ok()) path = WithQuery(*path, Parameters(options));
  return StartJson("patch", ref, std::move(path),
                   {.method = "PATCH",
                    .headers = {{"Content-Type", std::string(PatchMediaType(type))}},
                    .body = json::Dump(patch)},
                   options.background, std::move(done));
}

ApiClient::CallId ApiClient::Delete(const ObjectRef& ref, const DeleteOptions& options,
                                    JsonDone done) {
  return StartJson("delete", ref, ObjectPath(ref),
                   {.method = "DELETE",
                    .headers = {{"Content-Type", "application/json"}},
                    .body = json::Dump(DeleteBody(options))},
                   /*background=*/false, std::move(done));
}

ApiClient::CallId ApiClient::Read(const ReadRequest& request, std::shared_ptr<BodyReader> reader,
                                  Done done) {
  auto call = std::make_unique<Call>();
  call->verb = request.verb;
  call->subject.resource = request.resource;
  call->request.target = request.target;
  call->request.timeout = request.timeout;
  call->request.long_lived = request.long_lived;
  call->inner = std::move(reader);
  call->done = [done = std::move(done)](absl::StatusOr<HttpReply> got) mutable {
    done(got.status());
  };
  return Begin(std::move(call));
}

ApiClient::CallId ApiClient::Begin(std::unique_ptr<Call> call) {
  if (shut_down_) return Refuse(absl::CancelledError("shut down"), std::move(call->done));
  call->begun = loop_.Monotonic();
  call->deadline = call->begun + call->request.timeout;
  call->request.headers.emplace_back("Accept", "application/json");
  call->request.headers.emplace_back("User-Agent", options_.user_agent);
  if (call->write && options_.gate != nullptr) {
    const absl::Status open = options_.gate->Check(call->begun);
    if (!open.ok()) return Refuse(open, std::move(call->done));
    call->request.admit = [gate = options_.gate, &loop = loop_] {
      return gate->Check(loop.Monotonic());
    };
  }
  const CallId id = next_++;
  calls_[id] = std::move(call);
  WaitForTurn(id);
  return id;
}

void ApiClient::WaitForTurn(CallId id) {
  (Find(id)->background ? background_turns_ : turns_).push_back(id);
  if (!turn_timer_.pending())
    turn_timer_.Set(loop_, absl::ZeroDuration(), [this] { ServeTurns(); });
}

void ApiClient::EndLate(std::deque<CallId>& line) {
  while (!line.empty()) {
    const CallId id = line.front();
    const Call* call = Find(id);
    if (call != nullptr && loop_.Monotonic() < call->deadline) return;
    line.pop_front();
    if (call == nullptr) continue;
    Finish(id, absl::DeadlineExceededError("no turn in time: too many requests of our own"));
  }
}

std::deque<ApiClient::CallId>* ApiClient::NextLine() {
  if (background_turns_.empty()) return turns_.empty() ? nullptr : &turns_;
  const bool background = turns_.empty() || turns_in_a_row_ >= kTurnsBeforeBackground;
  return background ? &background_turns_ : &turns_;
}

absl::Duration ApiClient::FirstDeadline() const {
  absl::Duration first = absl::InfiniteDuration();
  for (const std::deque<CallId>* line : {&turns_, &background_turns_}) {
    if (line->empty()) continue;
    if (const auto it = calls_.find(line->front()); it != calls_.end()) {
      first = std::min(first, it->second->deadline);
    }
  }
  return first;
}

void ApiClient::ServeTurns() {
  while (true) {
    EndLate(turns_);
    EndLate(background_turns_);
    std::deque<CallId>* line = NextLine();
    if (line == nullptr) return;
    const CallId id = line->front();
    if (Find(id) == nullptr) {  // what has just ended took it along
      line->pop_front();
      continue;
    }
    Call& call = *Find(id);
    const absl::Duration now = loop_.Monotonic();
    if (!TakePlace(call)) {  // whoever leaves one comes here
      turn_timer_.Set(loop_, FirstDeadline() - now, [this] { ServeTurns(); });
      return;
    }
    const absl::Duration wait = bucket_.Take(now);
    if (wait > absl::ZeroDuration()) {
      LeavePlace(call);
      turn_timer_.Set(loop_, wait, [this] { ServeTurns(); });
      return;
    }
    line->pop_front();
    turns_in_a_row_ = line == &turns_ && !background_turns_.empty() ? turns_in_a_row_ + 1 : 0;
    Authorize(id);
  }
}

bool ApiClient::TakePlace(Call& call) {
  if (call.request.long_lived) return true;
  if (places_taken_ >= options_.most_at_once) return false;
  ++places_taken_;
  call.has_place = true;
  return true;
}

void ApiClient::LeavePlace(Call& call) {
  if (!std::exchange(call.has_place, false)) return;
  --places_taken_;
  if (turns_.empty() && background_turns_.empty()) return;
  turn_timer_.Set(loop_, absl::ZeroDuration(), [this] { ServeTurns(); });
}

void ApiClient::Authorize(CallId id) {
  Call* call = Find(id);
  if (call == nullptr) return;
  // Sources may take their time, a plugin above all.
  call->timer.Set(loop_, call->deadline - loop_.Monotonic(), [this, id] {
    Finish(id, absl::DeadlineExceededError("no credentials in time"));
  });
  credentials_.Get([this, alive = alive_, id](absl::StatusOr<Credentials> got) {
    if (*alive) Send(id, std::move(got));
  });
}

void ApiClient::Send(CallId id, absl::StatusOr<Credentials> credentials) {
  Call* call = Find(id);
  if (call == nullptr) return;
  call->timer.Cancel();
  // On the loop, since a source may answer inline.
  if (!credentials.ok()) {
    loop_.Post([this, alive = alive_, id, why = Annotate(credentials.status(), "credentials")] {
      if (*alive) Finish(id, why);
    });
    return;
  }
  call->generation = credentials->generation;
  HttpRequest request = call->request;
  for (Header& header : credentials->headers) request.headers.push_back(std::move(header));
  request.tls = std::move(credentials->tls);
  request.timeout = call->deadline - loop_.Monotonic();
  // A stream may take long; its beginning may not.
  request.head_timeout = request.long_lived ? options_.timeout : request.timeout;
  ++call->attempts;
  if (call->json != nullptr) call->json->Reset();
  call->reader = std::make_shared<WatchedBody>(call->inner);
  call->sent = transport_.Start(
      std::move(request), call->reader,
      [this, id](absl::StatusOr<HttpReply> reply) { OnReply(id, std::move(reply)); });
}

std::optional<absl::Duration> ApiClient::RepeatAfter(Call& call,
                                                     const absl::StatusOr<HttpReply>& reply) {
  if (call.reader->touched() && call.json == nullptr) return std::nullopt;
  if (!reply.ok()) {
    const bool broken = absl::IsUnavailable(reply.status()) && !call.write;
    // A long-lived read has a caller who knows better when to come back.
    if (!broken || call.request.long_lived || ++call.broken > kBrokenReads) return std::nullopt;
    return kBrokenReadPause;
  }
  const HttpHead& head = reply->head;
  if (head.status == kUnauthorized) {
    credentials_.Rejected(call.generation);
    if (std::exchange(call.reauthorized, true)) return std::nullopt;
    return absl::ZeroDuration();
  }
  const bool asked = head.status == kTooManyRequests || head.status >= 500;
  if (!asked || !head.retry_after.has_value() || call.attempts > options_.max_retries) {
    return std::nullopt;
  }
  return *head.retry_after;
}

void ApiClient::OnReply(CallId id, absl::StatusOr<HttpReply> reply) {
  Call* call = Find(id);
  if (call == nullptr) return;
  call->sent = 0;
  const std::optional<absl::Duration> after = RepeatAfter(*call, reply);
  const absl::Duration left = call->deadline - loop_.Monotonic();
  if (!after.has_value() || *after >= left) return Finish(id, std::move(reply));
  LeavePlace(*call);
  call->timer.Set(loop_, *after, [this, id] { WaitForTurn(id); });
}

absl::Status ApiClient::StatusOf(const Call& call, const absl::StatusOr<HttpReply>& reply) const {
  if (!reply.ok()) return reply.status();
  if (reply->head.status / 100 == 2) return absl::OkStatus();
  const api::Subject subject = {call.subject.resource.group, call.subject.resource.plural,
                                call.subject.resource.kind, call.subject.key.name};
  return api::ToStatus(api::ErrorFromResponse(reply->head.status, reply->body, call.verb, subject));
}

void ApiClient::Finish(CallId id, absl::StatusOr<HttpReply> reply) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return;
  const std::unique_ptr<Call> call = std::move(it->second);
  calls_.erase(it);
  LeavePlace(*call);
  if (call->sent != 0) transport_.Cancel(call->sent);
  const absl::Status status = StatusOf(*call, reply);
  if (options_.observer) {
    static const std::vector<std::string> kNone;
    options_.observer({.verb = call->verb,
                       .resource = call->subject.resource,
                       .status = status,
                       .took = loop_.Monotonic() - call->begun,
                       .attempts = call->attempts,
                       .warnings = reply.ok() ? reply->head.warnings : kNone});
  }
  if (status.ok()) {
    call->done(std::move(reply));
  } else {
    call->done(status);
  }
}

bool ApiClient::Cancel(CallId id) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return false;
  const std::unique_ptr<Call> call = std::move(it->second);
  calls_.erase(it);
  LeavePlace(*call);
  if (call->sent != 0) transport_.Cancel(call->sent);
  return true;
}

void ApiClient::Shutdown() {
  shut_down_ = true;
  std::vector<CallId> all;
  for (const auto& [id, call] : calls_) all.push_back(id);
  std::sort(all.begin(), all.end());
  for (const CallId id : all) Finish(id, absl::CancelledError("shut down"));
}

}  // namespace rekindle::client
