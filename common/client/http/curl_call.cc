#include "common/client/http/curl_call.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace rekindle::client {
namespace {

// A watch that hears nothing finds out that the other end is gone.
constexpr long kKeepAliveIdleSeconds = 15;
constexpr long kKeepAliveIntervalSeconds = 5;
constexpr long kMostRedirects = 5;
// A server that sends headers without end.
constexpr size_t kMostWarnings = 20;

curl_blob Blob(const std::string& text) {
  // Not copied: the request outlives its handle.
  return {const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};
}

long Milliseconds(absl::Duration duration) {
  return static_cast<long>(std::max<int64_t>(1, absl::ToInt64Milliseconds(duration)));
}

// The text of `299 - "text"`, unescaped; empty when it is none.
std::string WarningText(absl::string_view value) {
  const size_t open = value.find('"');
  if (!absl::StartsWith(value, "299 ") || open == absl::string_view::npos) return "";
  std::string out;
  for (size_t i = open + 1; i < value.size() && value[i] != '"'; ++i) {
    if (value[i] == '\\' && i + 1 < value.size()) ++i;
    out += value[i];
  }
  return out;
}

}  // namespace

CurlCall::CurlCall(HttpRequest request, std::shared_ptr<BodyReader> reader)
    : request_(std::move(request)), reader_(std::move(reader)) {}

CurlCall::~CurlCall() {
  if (easy_ != nullptr) curl_easy_cleanup(easy_);
  curl_slist_free_all(headers_);
  curl_slist_free_all(connect_to_);
}

CURL* CurlCall::Prepare(const CurlServer& server) {
  easy_ = curl_easy_init();
  if (easy_ == nullptr) return nullptr;
  unacknowledged_ = server.unacknowledged;
  curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_text_.data());
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy_, CURLOPT_URL, absl::StrCat(server.url, request_.target).c_str());
  curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, server.plain_http ? "http" : "https");
  curl_easy_setopt(easy_, CURLOPT_REDIR_PROTOCOLS_STR, server.plain_http ? "http" : "https");
  curl_easy_setopt(easy_, CURLOPT_PROXY, "");
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  // Rather a stream of a connection that is being opened than another connection.
  curl_easy_setopt(easy_, CURLOPT_PIPEWAIT, 1L);
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, Milliseconds(request_.timeout));
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS,
                   Milliseconds(std::min(server.connect_timeout, request_.timeout)));
  curl_easy_setopt(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy_, CURLOPT_TCP_KEEPIDLE, kKeepAliveIdleSeconds);
  curl_easy_setopt(easy_, CURLOPT_TCP_KEEPINTVL, kKeepAliveIntervalSeconds);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &CurlCall::OnHeader);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &CurlCall::OnBody);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy_, CURLOPT_SOCKOPTFUNCTION, &CurlCall::OnSocket);
  curl_easy_setopt(easy_, CURLOPT_SOCKOPTDATA, this);
  curl_easy_setopt(easy_, CURLOPT_PREREQFUNCTION, &CurlCall::OnBeforeRequest);
  curl_easy_setopt(easy_, CURLOPT_PREREQDATA, this);
  for (const auto& [name, value] : request_.headers) {
    headers_ = curl_slist_append(headers_, absl::StrCat(name, ": ", value).c_str());
  }
  if (!server.connect_to.empty()) {
    connect_to_ = curl_slist_append(nullptr, server.connect_to.c_str());
    curl_easy_setopt(easy_, CURLOPT_CONNECT_TO, connect_to_);
    headers_ = curl_slist_append(headers_, absl::StrCat("Host: ", server.host).c_str());
  }
  // Asking first whether a body is welcome costs a round trip.
  headers_ = curl_slist_append(headers_, "Expect:");
  SetBody();
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
  if (!server.plain_http) SetTls(server);
  return easy_;
}

void CurlCall::SetBody() {
  if (request_.method == "GET") {
    curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy_, CURLOPT_MAXREDIRS, kMostRedirects);
    return;
  }
  if (!request_.body.empty() || request_.method == "POST") {
    curl_easy_setopt(easy_, CURLOPT_POST, 1L);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.body.c_str());
  }
  curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

void CurlCall::SetTls(const CurlServer& server) {
  curl_easy_setopt(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, server.insecure ? 0L : 1L);
  curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, server.insecure ? 0L : 2L);
  if (request_.tls == nullptr) return;
  if (!request_.tls->ca.empty()) {
    curl_blob blob = Blob(request_.tls->ca);
    curl_easy_setopt(easy_, CURLOPT_CAINFO_BLOB, &blob);
    // Else the system's directory would be believed as well.
    curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);
  }
  if (!request_.tls->certificate.empty()) {
    curl_blob certificate = Blob(request_.tls->certificate);
    curl_blob key = Blob(request_.tls->key);
    curl_easy_setopt(easy_, CURLOPT_SSLCERTTYPE, "PEM");
    curl_easy_setopt(easy_, CURLOPT_SSLCERT_BLOB, &certificate);
    curl_easy_setopt(easy_, CURLOPT_SSLKEYTYPE, "PEM");
    curl_easy_setopt(easy_, CURLOPT_SSLKEY_BLOB, &key);
  }
}

int CurlCall::OnSocket(void* self, curl_socket_t socket, curlsocktype) {
  const auto limit =
      static_cast<unsigned>(Milliseconds(static_cast<CurlCall*>(self)->unacknowledged_));
  // Where the kernel does not know it, connections merely live longer.
  (void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
  return CURL_SOCKOPT_OK;
}

int CurlCall::OnBeforeRequest(void* self, char*, char*, int, int) {
  auto* call = static_cast<CurlCall*>(self);
  if (!call->request_.admit) return CURL_PREREQFUNC_OK;
  call->error_ = call->request_.admit();
  return call->error_.ok() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

size_t CurlCall::OnHeader(char* data, size_t size, size_t count, void* self) {
  static_cast<CurlCall*>(self)->TakeHeader({data, size * count});
  return size * count;
}

void CurlCall::TakeHeader(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  if (absl::StartsWith(line, "HTTP/")) {
    // A further head follows an interim answer or a redirection.
    head_ = HttpHead();
    body_.clear();
    const size_t space = line.find(' ');
    if (space == absl::string_view::npos) return;
    (void)absl::SimpleAtoi(line.substr(space + 1, 3), &head_.status);
    return;
  }
  if (line.empty()) {
    const bool final = head_.status >= 200 && head_.status / 100 != 3;
    if (final) head_seen_.store(true, std::memory_order_release);
    return;
  }
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos) return;
  const absl::string_view name = line.substr(0, colon);
  const absl::string_view value = absl::StripAsciiWhitespace(line.substr(colon + 1));
  if (absl::EqualsIgnoreCase(name, "content-type")) {
    head_.content_type = std::string(value);
  } else if (absl::EqualsIgnoreCase(name, "retry-after")) {
    uint32_t seconds = 0;
    if (absl::SimpleAtoi(value, &seconds)) head_.retry_after = absl::Seconds(seconds);
  } else if (absl::EqualsIgnoreCase(name, "warning") && head_.warnings.size() < kMostWarnings) {
    std::string text = WarningText(value);
    if (!text.empty()) head_.warnings.push_back(std::move(text));
  }
}

size_t CurlCall::OnBody(char* data, size_t size, size_t count, void* self) {
  auto* call = static_cast<CurlCall*>(self);
  if (call->error_.ok()) call->error_ = call->TakeBody({data, size * count});
  return call->error_.ok() ? size * count : 0;
}

absl::Status CurlCall::TakeBody(absl::string_view bytes) {
  if (ReaderTakesIt()) {
    MutexLock lock(&mutex_);
    return abandoned_ ? absl::CancelledError("cancelled") : reader_->Consume(bytes);
  }
  if (body_.size() + bytes.size() > request_.max_body_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the answer has over ", request_.max_body_bytes, " bytes"));
  }
  body_.append(bytes.data(), bytes.size());
  return absl::OkStatus();
}

void CurlCall::Abandon() {
  MutexLock lock(&mutex_);
  abandoned_ = true;
}

absl::Status CurlCall::Explain(CURLcode code) const {
  const absl::string_view text =
      error_text_[0] != 0 ? absl::string_view(error_text_.data()) : curl_easy_strerror(code);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return absl::DeadlineExceededError(text);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
      return absl::FailedPreconditionError(absl::StrCat("TLS: ", text));
    case CURLE_OUT_OF_MEMORY:
      return absl::ResourceExhaustedError(text);
    default:
      return absl::UnavailableError(text);
  }
}

absl::StatusOr<HttpReply> CurlCall::Result(CURLcode code) {
  if (!error_.ok()) return error_;
  if (code != CURLE_OK) return Explain(code);
  if (ReaderTakesIt()) {
    MutexLock lock(&mutex_);
    if (abandoned_) return absl::CancelledError("cancelled");
    const absl::Status finished = reader_->Finish();
    if (!finished.ok()) return finished;
  }
  return HttpReply{.head = std::move(head_), .body = std::move(body_)};
}

}  // namespace rekindle::client
