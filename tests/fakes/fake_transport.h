#ifndef REKINDLE_TEST_FAKES_FAKE_TRANSPORT_H_
#define REKINDLE_TEST_FAKES_FAKE_TRANSPORT_H_

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

#include "common/base/loop.h"
#include "common/client/config/credentials.h"
#include "common/client/http/transport.h"
#include "tests/fakes/fake_api.h"

namespace rekindle {

inline std::string Unescape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

inline FakeApi::Request ToFakeRequest(const std::string& method, const std::string& target) {
  FakeApi::Request out;
  out.method = method;
  const std::vector<std::string> parts = absl::StrSplit(target, absl::MaxSplits('?', 1));
  out.path = parts[0];
  if (parts.size() == 1) return out;
  for (const absl::string_view pair : absl::StrSplit(parts[1], '&')) {
    const std::vector<std::string> sides = absl::StrSplit(pair, absl::MaxSplits('=', 1));
    out.query[sides[0]] = sides.size() > 1 ? Unescape(sides[1]) : "";
  }
  return out;
}

// A network without sockets, for simulated time: requests reach a FakeApi after `latency`, and
// bodies come in chunks of `chunk` bytes. Threads: the loop's.
class FakeTransport final : public client::Transport {
 public:
  FakeTransport(Loop& loop, FakeApi& api) : loop_(loop), api_(api) {}

  absl::Duration latency = absl::Milliseconds(1);
  size_t chunk = 4096;
  bool refuse = false;  // nobody listens

  int retired() const { return retired_; }
  size_t calls() const { return calls_.size(); }

  CallId Start(client::HttpRequest request, std::shared_ptr<client::BodyReader> reader,
               Done done) override {
    const CallId id = next_++;
    auto call = std::make_shared<Call>();
    call->request = std::move(request);
    call->reader = std::move(reader);
    call->done = std::move(done);
    calls_[id] = call;
    call->timeout = loop_.RunAfter(call->request.timeout, [this, id] {
      Finish(id, absl::DeadlineExceededError("timed out"));
    });
    call->head_timeout = loop_.RunAfter(call->request.head_timeout, [this, id] {
      const auto it = calls_.find(id);
      if (it == calls_.end() || it->second->head.status != 0) return;
      Finish(id, absl::DeadlineExceededError("no answer"));
    });
    loop_.RunAfter(latency, [this, id] { Serve(id); });
    return id;
  }

  bool Cancel(CallId id) override {
    const auto it = calls_.find(id);
    if (it == calls_.end()) return false;
    End(*it->second);
    calls_.erase(it);
    return true;
  }

  void RetireConnections(bool end_streams) override {
    ++retired_;
    if (!end_streams) return;
    std::vector<CallId> ids;
    for (const auto& [id, call] : calls_) {
      if (call->request.long_lived) ids.push_back(id);
    }
    for (const CallId id : ids) {
      loop_.Post([this, id] { Finish(id, absl::UnavailableError("given up")); });
    }
  }

 private:
  struct Call {
    client::HttpRequest request;
    std::shared_ptr<client::BodyReader> reader;
    Done done;
    client::HttpHead head;
    std::string body;
    Loop::TimerId timeout = 0;
    Loop::TimerId head_timeout = 0;
    uint64_t watch = 0;
  };

  void End(Call& call) {
    loop_.Cancel(call.timeout);
    loop_.Cancel(call.head_timeout);
    if (call.watch != 0) api_.Detach(call.watch);
  }

  void Finish(CallId id, absl::StatusOr<client::HttpReply> reply) {
    const auto it = calls_.find(id);
    if (it == calls_.end()) return;
    const std::shared_ptr<Call> call = it->second;
    calls_.erase(it);
    End(*call);
    call->done(std::move(reply));
  }

  void Serve(CallId id) {
    const auto it = calls_.find(id);
    if (it == calls_.end()) return;
    const std::shared_ptr<Call> call = it->second;
    if (refuse) return Finish(id, absl::UnavailableError("connection refused"));
    if (call->request.admit) {
      const absl::Status admitted = call->request.admit();
      if (!admitted.ok()) return Finish(id, admitted);
    }
    FakeApi::Request request = ToFakeRequest(call->request.method, call->request.target);
    for (const auto& [name, value] : call->request.headers) {
      request.headers.emplace(absl::AsciiStrToLower(name), value);
    }
    request.body = call->request.body;
    if (call->request.tls != nullptr) request.peer = call->request.tls->certificate;
    const FakeApi::Answer answer = api_.Handle(request);
    if (answer.status == 0) {
      if (answer.after == FakeApi::After::kBreak) {
        Finish(id, absl::UnavailableError("connection broke"));
      }
      return;
    }
    call->head.status = answer.status;
    call->head.content_type = answer.type;
    for (const auto& [name, value] : answer.headers) {
      int seconds = 0;
      if (name == "Retry-After" && absl::SimpleAtoi(value, &seconds)) {
        call->head.retry_after = absl::Seconds(seconds);
      }
      if (name == "Warning") call->head.warnings.push_back(value);
    }
    Deliver(id, answer.body);
    if (!calls_.contains(id)) return;
    if (answer.watch_from != 0) {
      call->watch =
          api_.Attach(request, answer.watch_from, [this, id](std::optional<std::string> frame) {
            loop_.Post([this, id, frame] { OnFrame(id, frame); });
          });
      return;
    }
    switch (answer.after) {
      case FakeApi::After::kEnd:
        return Complete(id);
      case FakeApi::After::kBreak:
        return Finish(id, absl::UnavailableError("connection broke"));
      case FakeApi::After::kHang:
        return;
    }
  }

  void OnFrame(CallId id, const std::optional<std::string>& frame) {
    if (!frame.has_value()) return Complete(id);
    if (frame->empty()) return Finish(id, absl::UnavailableError("connection broke"));
    Deliver(id, *frame);
  }

  bool Read(const Call& call) const { return call.reader && call.head.status / 100 == 2; }

  void Deliver(CallId id, const std::string& bytes) {
    const auto it = calls_.find(id);
    if (it == calls_.end()) return;
    const std::shared_ptr<Call> call = it->second;
    if (!Read(*call)) {
      call->body += bytes;
      return;
    }
    for (size_t at = 0; at < bytes.size(); at += chunk) {
      const absl::Status taken = call->reader->Consume(bytes.substr(at, chunk));
      if (!taken.ok()) return Finish(id, taken);
    }
  }

  void Complete(CallId id) {
    const auto it = calls_.find(id);
    if (it == calls_.end()) return;
    const std::shared_ptr<Call> call = it->second;
    if (Read(*call)) {
      const absl::Status finished = call->reader->Finish();
      if (!finished.ok()) return Finish(id, finished);
    }
    Finish(id, client::HttpReply{call->head, call->body});
  }

  Loop& loop_;
  FakeApi& api_;
  CallId next_ = 1;
  int retired_ = 0;
  std::map<CallId, std::shared_ptr<Call>> calls_;
};

// Credentials that tests set.
class FakeCredentials final : public client::CredentialSource {
 public:
  std::string token;
  absl::Status error;
  std::string next_token;  // taken after a rejection
  int rejections = 0;

  void Get(Done done) override {
    if (!error.ok()) return done(error);
    client::Credentials out = {.generation = generation_};
    if (!token.empty()) out.headers.emplace_back("Authorization", "Bearer " + token);
    done(std::move(out));
  }
  void Rejected(uint64_t generation) override {
    ++rejections;
    if (generation != generation_ || next_token.empty()) return;
    token = std::exchange(next_token, "");
    ++generation_;
  }
  void OnTlsChange(std::function<void()>) override {}

 private:
  uint64_t generation_ = 1;
};

}  // namespace rekindle

#endif  // REKINDLE_TEST_FAKES_FAKE_TRANSPORT_H_
