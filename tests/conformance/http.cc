#include "tests/conformance/http.h"

#include <atomic>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include <curl/curl.h>

namespace rekindle::conformance {
namespace {

size_t TakeBody(char* data, size_t size, size_t count, void* into) {
  static_cast<std::string*>(into)->append(data, size * count);
  return size * count;
}

size_t TakeHeader(char* data, size_t size, size_t count, void* into) {
  auto& headers = *static_cast<std::map<std::string, std::string>*>(into);
  const absl::string_view line(data, size * count);
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos) {
    if (absl::StartsWith(line, "HTTP/")) headers.clear();  // of an interim answer
    return size * count;
  }
  const std::string value(absl::StripAsciiWhitespace(line.substr(colon + 1)));
  std::string& place = headers[absl::AsciiStrToLower(line.substr(0, colon))];
  place = place.empty() ? value : absl::StrCat(place, ", ", value);
  return size * count;
}

// The options of one request, and what they point to.
class Transfer {
 public:
  ~Transfer() { curl_slist_free_all(list_); }

  void Prepare(CURL* easy, const Endpoint& at, const Request& request) {
    curl_easy_reset(easy);
    url_ = at.url + request.path;
    curl_easy_setopt(easy, CURLOPT_URL, url_.c_str());
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (request.method == "HEAD") curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (at.ca_file.empty()) {
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    } else {
      curl_easy_setopt(easy, CURLOPT_CAINFO, at.ca_file.c_str());
    }
    std::string token;
    if (request.who == Who::kReader) token = at.reader_token;
    if (request.who == Who::kStranger) token = "nobody-has-this-token";
    if (request.who == Who::kAdmin) {
      token = at.token;
      if (!at.certificate_file.empty()) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, at.certificate_file.c_str());
        curl_easy_setopt(easy, CURLOPT_SSLKEY, at.key_file.c_str());
      }
    }
    if (!token.empty()) Add("Authorization: Bearer " + token);
    for (const auto& [name, value] : request.headers) Add(absl::StrCat(name, ": ", value));
    // Neither a form's type nor a pause for an interim answer.
    if (!request.headers.contains("Content-Type")) Add("Content-Type:");
    Add("Expect:");
    if (!request.body.empty()) {
      body_ = request.body;
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body_.data());
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(body_.size()));
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list_);
  }

 private:
  void Add(const std::string& line) { list_ = curl_slist_append(list_, line.c_str()); }

  std::string url_;
  std::string body_;
  curl_slist* list_ = nullptr;
};

class CurlStream : public Stream {
 public:
  CurlStream(const Endpoint& at, const Request& request)
      : easy_(curl_easy_init()), multi_(curl_multi_init()) {
    transfer_.Prepare(easy_, at, request);
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &CurlStream::Take);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &CurlStream::Head);
    curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
    curl_multi_add_handle(multi_, easy_);
    thread_ = std::thread([this] { Run(); });
  }

  ~CurlStream() override {
    stop_ = true;
    curl_multi_wakeup(multi_);
    thread_.join();
    curl_multi_remove_handle(multi_, easy_);
    curl_easy_cleanup(easy_);
    curl_multi_cleanup(multi_);
  }

  int AwaitStatus(absl::Duration timeout) override {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait_for(lock, absl::ToChronoMilliseconds(timeout),
                      [this] { return status_ != 0 || done_; });
    return status_;
  }

  absl::StatusOr<std::string> Next(absl::Duration timeout) override {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!changed_.wait_for(lock, absl::ToChronoMilliseconds(timeout),
                           [this] { return !lines_.empty() || done_; })) {
      return absl::DeadlineExceededError("nothing came");
    }
    if (lines_.empty()) return std::string();
    std::string out = std::move(lines_.front());
    lines_.pop_front();
    return out;
  }

 private:
  void Run() {
    int running = 1;
    while (running > 0 && !stop_) {
      if (curl_multi_perform(multi_, &running) != CURLM_OK) break;
      if (running > 0) curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }

  static size_t Take(char* data, size_t size, size_t count, void* self) {
    auto& stream = *static_cast<CurlStream*>(self);
    const std::lock_guard<std::mutex> lock(stream.mutex_);
    stream.rest_.append(data, size * count);
    for (size_t end; (end = stream.rest_.find('\n')) != std::string::npos;) {
      if (end > 0) stream.lines_.push_back(stream.rest_.substr(0, end));
      stream.rest_.erase(0, end + 1);
    }
    stream.changed_.notify_all();
    return size * count;
  }

  static size_t Head(char* data, size_t size, size_t count, void* self) {
    auto& stream = *static_cast<CurlStream*>(self);
    const absl::string_view line(data, size * count);
    if (line == "\r\n") {
      long code = 0;
      curl_easy_getinfo(stream.easy_, CURLINFO_RESPONSE_CODE, &code);
      const std::lock_guard<std::mutex> lock(stream.mutex_);
      stream.status_ = static_cast<int>(code);
      stream.changed_.notify_all();
    }
    return size * count;
  }

  CURL* easy_;
  CURLM* multi_;
  Transfer transfer_;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  int status_ = 0;
  bool done_ = false;
  std::string rest_;
  std::deque<std::string> lines_;
  std::thread thread_;
};

}  // namespace

Http::Http(Endpoint endpoint) : endpoint_(std::move(endpoint)) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  easy_ = curl_easy_init();
}

Http::~Http() { curl_easy_cleanup(easy_); }

absl::StatusOr<Answer> Http::Call(const Request& request) {
  Transfer transfer;
  Answer out;
  transfer.Prepare(easy_, endpoint_, request);
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT, 60L);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &TakeBody);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &out.body);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &TakeHeader);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, &out.headers);
  const CURLcode code = curl_easy_perform(easy_);
  if (code != CURLE_OK) {
    return absl::UnavailableError(
        absl::StrCat(request.method, " ", request.path, ": ", curl_easy_strerror(code)));
  }
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  out.status = static_cast<int>(status);
  if (request.parse) out.tree = nlohmann::json::parse(out.body, nullptr, false);
  if (out.tree.is_discarded()) out.tree = nullptr;
  return out;
}

std::unique_ptr<Stream> Http::Open(const Request& request) {
  return std::make_unique<CurlStream>(endpoint_, request);
}

}  // namespace rekindle::conformance
