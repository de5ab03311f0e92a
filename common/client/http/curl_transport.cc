#include "common/client/http/curl_transport.h"

#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include <curl/curl.h>

#include "common/client/http/curl_call.h"
#include "common/client/http/curl_pool.h"

namespace rekindle::client {
namespace {

// Once per process, before the first handle.
void InitCurl() {
  static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)done;
}

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string Part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return "";
  std::string out(text);
  curl_free(text);
  return out;
}

absl::StatusOr<CurlServer> TakeApart(const CurlTransport::Options& options) {
  const auto wrong = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("server: \"", options.server, "\" ", why));
  };
  std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  if (curl_url_set(url.get(), CURLUPART_URL, options.server.c_str(), CURLU_NON_SUPPORT_SCHEME) !=
      CURLUE_OK) {
    return wrong("is no URL");
  }
  const std::string scheme = Part(url.get(), CURLUPART_SCHEME);
  if (scheme != "https" && scheme != "http") return wrong("must begin with https:// or http://");
  if (!Part(url.get(), CURLUPART_QUERY).empty() || !Part(url.get(), CURLUPART_FRAGMENT).empty() ||
      !Part(url.get(), CURLUPART_USER).empty()) {
    return wrong("must have neither user, query nor fragment");
  }
  const std::string host = Part(url.get(), CURLUPART_HOST);
  const std::string port = Part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  const std::string path(absl::StripSuffix(Part(url.get(), CURLUPART_PATH), "/"));
  CurlServer out = {.plain_http = scheme == "http",
                    .insecure = options.insecure_skip_verify,
                    .connect_timeout = options.connect_timeout,
                    .unacknowledged = options.unacknowledged};
  if (out.plain_http || options.tls_server_name.empty()) {
    out.url = absl::StrCat(scheme, "://", host, ":", port, path);
    return out;
  }
  out.url = absl::StrCat(scheme, "://", options.tls_server_name, ":", port, path);
  out.connect_to = absl::StrCat("::", host, ":", port);
  out.host = absl::StrCat(host, ":", port);
  return out;
}

}  // namespace

// What the loop knows of the calls. Posted work holds it weakly: it finds nothing once the
// transport is gone.
struct CurlTransport::State : std::enable_shared_from_this<CurlTransport::State> {
  struct Pending {
    std::shared_ptr<CurlCall> call;
    std::shared_ptr<CurlPool> pool;
    Done done;
    Loop::TimerId head_timer = 0;
    bool long_lived = false;
  };

  State(Loop& the_loop, CurlServer the_server) : loop(the_loop), server(std::move(the_server)) {}

  std::shared_ptr<CurlPool> NewPool() {
    // The report finds its call by address: no other call has it while this one is pending.
    return std::make_shared<CurlPool>(
        server, [weak = weak_from_this(), &the_loop = loop](const std::shared_ptr<CurlCall>& call,
                                                            absl::StatusOr<HttpReply> result) {
          the_loop.Post([weak, call, got = std::move(result)]() mutable {
            if (auto state = weak.lock()) state->Finish(call, std::move(got));
          });
        });
  }

  void Finish(const std::shared_ptr<CurlCall>& call, absl::StatusOr<HttpReply> result) {
    const auto id = ids.find(call.get());
    if (id != ids.end()) FinishById(id->second, std::move(result));
  }

  void FinishById(CallId id, absl::StatusOr<HttpReply> result) {
    const auto it = pending.find(id);
    if (it == pending.end()) return;
    Pending ended = std::move(it->second);
    pending.erase(it);
    ids.erase(ended.call.get());
    loop.Cancel(ended.head_timer);
    // It said nothing in time: its connection may be dead, and others would wait on it as well.
    const bool silent = absl::IsDeadlineExceeded(result.status()) && !ended.call->head_seen();
    if (silent && ended.pool == pool) Retire();
    ended.done(std::move(result));
  }

  // The answer has not begun in time.
  void HeadIsLate(CallId id, absl::Duration limit) {
    const auto it = pending.find(id);
    if (it == pending.end() || it->second.call->head_seen()) return;
    it->second.call->Abandon();
    it->second.pool->Drop(it->second.call);
    FinishById(id, absl::DeadlineExceededError(
                       absl::StrCat("no answer within ", absl::FormatDuration(limit))));
  }

  void Retire() {
    std::erase_if(retired, [](const auto& old) { return old->finished(); });
    pool->Retire();
    retired.push_back(std::exchange(pool, NewPool()));
  }

  Loop& loop;
  const CurlServer server;
  CallId next = 1;
  absl::flat_hash_map<CallId, Pending> pending;
  absl::flat_hash_map<const CurlCall*, CallId> ids;
  std::shared_ptr<CurlPool> pool;
  std::vector<std::shared_ptr<CurlPool>> retired;
};

absl::StatusOr<std::unique_ptr<CurlTransport>> CurlTransport::Make(Loop& loop,
                                                                   const Options& options) {
  InitCurl();
  absl::StatusOr<CurlServer> server = TakeApart(options);
  if (!server.ok()) return server.status();
  auto state = std::make_shared<State>(loop, *std::move(server));
  state->pool = state->NewPool();
  return std::unique_ptr<CurlTransport>(new CurlTransport(std::move(state)));
}

CurlTransport::~CurlTransport() {
  for (auto& [id, pending] : state_->pending) {
    pending.call->Abandon();
    state_->loop.Cancel(pending.head_timer);
  }
}

Transport::CallId CurlTransport::Start(HttpRequest request, std::shared_ptr<BodyReader> reader,
                                       Done done) {
  const CallId id = state_->next++;
  const absl::Duration head_limit = std::min(request.head_timeout, request.timeout);
  const bool long_lived = request.long_lived;
  auto call = std::make_shared<CurlCall>(std::move(request), std::move(reader));
  const Loop::TimerId timer =
      state_->loop.RunAfter(head_limit, [weak = std::weak_ptr<State>(state_), id, head_limit] {
        if (auto state = weak.lock()) state->HeadIsLate(id, head_limit);
      });
  state_->ids[call.get()] = id;
  state_->pending[id] = {.call = call,
                         .pool = state_->pool,
                         .done = std::move(done),
                         .head_timer = timer,
                         .long_lived = long_lived};
  state_->pool->Start(std::move(call));
  return id;
}

bool CurlTransport::Cancel(CallId call) {
  const auto it = state_->pending.find(call);
  if (it == state_->pending.end()) return false;
  State::Pending ended = std::move(it->second);
  state_->pending.erase(it);
  state_->ids.erase(ended.call.get());
  state_->loop.Cancel(ended.head_timer);
  ended.call->Abandon();
  ended.pool->Drop(ended.call);
  return true;
}

void CurlTransport::RetireConnections(bool end_streams) {
  state_->Retire();
  if (!end_streams) return;
  std::vector<CallId> streams;
  for (const auto& [id, pending] : state_->pending) {
    if (pending.long_lived) streams.push_back(id);
  }
  for (const CallId id : streams) {
    state_->loop.Post([weak = std::weak_ptr<State>(state_), id] {
      auto state = weak.lock();
      if (state == nullptr) return;
      const auto it = state->pending.find(id);
      if (it == state->pending.end()) return;
      it->second.call->Abandon();
      it->second.pool->Drop(it->second.call);
      state->FinishById(id, absl::UnavailableError("the connection was given up"));
    });
  }
}

}  // namespace rekindle::client
