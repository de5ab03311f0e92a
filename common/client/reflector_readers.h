#ifndef REKINDLE_COMMON_CLIENT_REFLECTOR_READERS_H_
#define REKINDLE_COMMON_CLIENT_REFLECTOR_READERS_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "common/base/sync.h"
#include "common/client/list_reader.h"
#include "common/client/reflector.h"

namespace rekindle::client {

// Decodes a page on the transport's thread.
class Reflector::PageReader final : public BodyReader {
 public:
  PageReader(Decoder& decoder, size_t most_bytes, size_t most_bytes_of_object)
      : most_bytes_(most_bytes), reader_(decoder, most_bytes_of_object) {}

  absl::Status Consume(absl::string_view bytes) override {
    bytes_ += bytes.size();
    if (bytes_ > most_bytes_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the list has over ", most_bytes_, " bytes"));
    }
    return reader_.Feed(bytes);
  }

  absl::Status Finish() override {
    RK_ASSIGN_OR_RETURN(page_, reader_.Finish());
    return absl::OkStatus();
  }

  // After the call.
  ListPage Take() { return std::move(page_); }

 private:
  const size_t most_bytes_;
  size_t bytes_ = 0;
  ListReader reader_;
  ListPage page_;
};

// Decodes a watch on the transport's thread and hands its events over in bunches: one wake-up of
// the loop for all that has come until the loop has time.
class Reflector::WatchReader final : public BodyReader,
                                     public std::enable_shared_from_this<WatchReader> {
 public:
  WatchReader(Loop& loop, Decoder& decoder, size_t most_bytes, size_t most_events,
              std::function<void()> there_are_events)
      : loop_(loop),
        decoder_(decoder),
        most_events_(most_events),
        there_are_events_(std::move(there_are_events)),
        frames_(most_bytes) {}

  absl::Status Consume(absl::string_view bytes) override {
    std::vector<WatchEvent> events;
    const absl::Status fed = frames_.Feed(bytes, [&](absl::string_view frame) -> absl::Status {
      RK_ASSIGN_OR_RETURN(WatchEvent event, DecodeWatchEvent(frame, decoder_));
      events.push_back(std::move(event));
      return absl::OkStatus();
    });
    RK_RETURN_IF_ERROR(Add(std::move(events)));
    return fed;
  }

  absl::Status Finish() override {
    if (frames_.rest().empty()) return absl::OkStatus();
    // The last line feed may be missing; half an event is a broken stream.
    absl::StatusOr<WatchEvent> event = DecodeWatchEvent(frames_.rest(), decoder_);
    if (!event.ok()) return absl::UnavailableError("the watch broke off inside an event");
    std::vector<WatchEvent> events;
    events.push_back(*std::move(event));
    return Add(std::move(events));
  }

  // The loop's side.
  std::vector<WatchEvent> Take() {
    MutexLock lock(&mutex_);
    announced_ = false;
    return std::exchange(waiting_, {});
  }
  // Nothing is announced any more.
  void Detach() { there_are_events_ = nullptr; }

 private:
  absl::Status Add(std::vector<WatchEvent> events) {
    if (events.empty()) return absl::OkStatus();
    MutexLock lock(&mutex_);
    if (waiting_.size() + events.size() > most_events_) {
      return absl::ResourceExhaustedError("more events than can be taken in");
    }
    waiting_.insert(waiting_.end(), std::make_move_iterator(events.begin()),
                    std::make_move_iterator(events.end()));
    if (std::exchange(announced_, true)) return absl::OkStatus();
    loop_.Post([self = shared_from_this()] {
      if (self->there_are_events_) self->there_are_events_();
    });
    return absl::OkStatus();
  }

  Loop& loop_;
  Decoder& decoder_;
  const size_t most_events_;
  std::function<void()> there_are_events_;  // the loop's
  FrameSplitter frames_;
  Mutex mutex_;
  std::vector<WatchEvent> waiting_ ABSL_GUARDED_BY(mutex_);
  bool announced_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_REFLECTOR_READERS_H_
