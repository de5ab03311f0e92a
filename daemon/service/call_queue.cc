#include "daemon/service/call_queue.h"

#include <pthread.h>

#include "daemon/service/calls.h"

namespace rekindle::service {

void CallQueue::Run() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "rk-service");
    void* tag = nullptr;
    bool ok = false;
    while (queue_->Next(&tag, &ok)) static_cast<Tag*>(tag)->Proceed(ok);
  });
}

void CallQueue::Stop() {
  if (queue_ == nullptr) return;
  if (thread_.joinable()) calls_.AwaitEmpty(absl::InfiniteDuration());
  queue_->Shutdown();
  if (thread_.joinable()) {
    thread_.join();
  } else {
    void* tag = nullptr;
    bool ok = false;
    while (queue_->Next(&tag, &ok)) static_cast<Tag*>(tag)->Proceed(ok);
  }
  queue_.reset();
}

}  // namespace rekindle::service
