#ifndef REKINDLE_COMMON_CLIENT_HTTP_CURL_CALL_H_
#define REKINDLE_COMMON_CLIENT_HTTP_CURL_CALL_H_

#include <array>
#include <atomic>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include <curl/curl.h>

#include "common/base/sync.h"
#include "common/client/http/transport.h"

namespace rekindle::client {

// Where requests go: CurlTransport::Options, taken apart.
struct CurlServer {
  std::string url;         // what targets are appended to; with the name that TLS checks
  std::string connect_to;  // "::host:port" when the name is not the host; else empty
  std::string host;        // Host header for that case
  bool plain_http = false;
  bool insecure = false;
  absl::Duration connect_timeout;
  absl::Duration unacknowledged;
};

// One request as libcurl sees it: an easy handle and what its callbacks collect.
// Threads: a pool's thread, unless a method says otherwise.
class CurlCall {
 public:
  CurlCall(HttpRequest request, std::shared_ptr<BodyReader> reader);
  CurlCall(const CurlCall&) = delete;
  CurlCall& operator=(const CurlCall&) = delete;
  ~CurlCall();

  // The handle with all options set; null when memory is short. Once.
  CURL* Prepare(const CurlServer& server);
  CURL* easy() const { return easy_; }

  // What came of it, from libcurl's verdict.
  absl::StatusOr<HttpReply> Result(CURLcode code);

  // The reader is not called again once this has returned. Threads: any.
  void Abandon();

  // The answer's head is there. Threads: any.
  bool head_seen() const { return head_seen_.load(std::memory_order_acquire); }

 private:
  static size_t OnHeader(char* data, size_t size, size_t count, void* self);
  static size_t OnBody(char* data, size_t size, size_t count, void* self);
  static int OnBeforeRequest(void* self, char*, char*, int, int);
  static int OnSocket(void* self, curl_socket_t socket, curlsocktype purpose);

  void SetTls(const CurlServer& server);
  void SetBody();
  void TakeHeader(absl::string_view line);
  absl::Status TakeBody(absl::string_view bytes);
  absl::Status Explain(CURLcode code) const;
  bool ReaderTakesIt() const { return reader_ != nullptr && head_.status / 100 == 2; }

  const HttpRequest request_;
  const std::shared_ptr<BodyReader> reader_;
  CURL* easy_ = nullptr;
  curl_slist* headers_ = nullptr;
  curl_slist* connect_to_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> error_text_{};
  absl::Duration unacknowledged_;
  HttpHead head_;
  std::string body_;
  absl::Status error_;  // of admit or the reader
  std::atomic<bool> head_seen_{false};
  Mutex mutex_;  // held while the reader runs
  bool abandoned_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_HTTP_CURL_CALL_H_
