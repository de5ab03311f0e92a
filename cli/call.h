#ifndef REKINDLE_CLI_CALL_H_
#define REKINDLE_CLI_CALL_H_

#include <array>
#include <chrono>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cli/io.h"
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/async_unary_call.h>

#include "common/net/grpc_status.h"

namespace rekindle::cli {

inline void SetDeadline(grpc::ClientContext& context, absl::Duration limit) {
  if (limit == absl::InfiniteDuration()) return;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(limit));
}

// One server stream. The caller's thread does all the work, within Next().
// Threads: made, used and destroyed by one thread.
template <typename Response>
class Stream final {
 public:
  // `prepare` gets the context and the queue and calls the stub's PrepareAsync method. `limit`
  // bounds the whole stream.
  template <typename Prepare>
  Stream(absl::Duration limit, Prepare prepare) {
    SetDeadline(context_, limit);
    reader_ = prepare(&context_, &queue_);
    reader_->StartCall(Tag(kStarted));
  }
  // Cancels what still runs and waits for gRPC to let go.
  ~Stream() {
    context_.TryCancel();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  enum class Event { kMessage, kEnd, kNothing };

  // Waits at most `patience` for the next message or the end (see status()).
  Event Next(absl::Duration patience, Response& message) {
    const auto until = std::chrono::system_clock::now() + absl::ToChronoNanoseconds(patience);
    void* tag = nullptr;
    bool ok = false;
    while (!ended_) {
      if (queue_.AsyncNext(&tag, &ok, until) != grpc::CompletionQueue::GOT_EVENT) {
        return Event::kNothing;
      }
      if (tag == Tag(kEnded)) {
        ended_ = true;
      } else if (!ok) {
        reader_->Finish(&end_, Tag(kEnded));
      } else {
        const bool has_message = tag == Tag(kRead);
        if (has_message) message = std::exchange(incoming_, Response());
        reader_->Read(&incoming_, Tag(kRead));
        if (has_message) return Event::kMessage;
      }
    }
    return Event::kEnd;
  }

  // How the stream ended; valid after Event::kEnd.
  absl::Status status() const { return net::FromGrpc(end_); }

 private:
  enum Step { kStarted, kRead, kEnded };
  // gRPC gives back an address: each step has its own.
  void* Tag(Step step) { return &tags_[step]; }

  std::array<char, kEnded + 1> tags_{};

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  Response incoming_;
  grpc::Status end_;
  bool ended_ = false;
  std::unique_ptr<grpc::ClientAsyncReader<Response>> reader_;
};

// One plain call, given up when the user interrupts. `prepare` gets the context and the queue and
// calls the stub's PrepareAsync method.
// Errors: as the server gave them; kCancelled when interrupted; kDeadlineExceeded after `limit`.
template <typename Response, typename Prepare>
absl::StatusOr<Response> Call(const Io& io, absl::Duration limit, Prepare prepare) {
  grpc::ClientContext context;
  SetDeadline(context, limit);
  grpc::CompletionQueue queue;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> call = prepare(&context, &queue);
  Response response;
  grpc::Status status;
  call->StartCall();
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  auto wait = [&] {
    return queue.AsyncNext(&tag, &ok,
                           std::chrono::system_clock::now() + absl::ToChronoNanoseconds(kTick));
  };
  while (wait() == grpc::CompletionQueue::TIMEOUT) {
    if (io.interrupted.load()) context.TryCancel();
  }
  if (!status.ok()) return net::FromGrpc(status);
  return response;
}

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_CALL_H_
