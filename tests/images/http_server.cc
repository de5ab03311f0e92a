#include "tests/images/http_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

extern char** environ;

namespace rekindle::testserver {
namespace {

constexpr int64_t kLastRequestsMs = 100;

int64_t MonotonicMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

std::string Reply(int code, const std::string& body, bool close) {
  const char* text = code == 200 ? "OK" : code == 404 ? "Not Found" : "Service Unavailable";
  std::string reply = "HTTP/1.1 " + std::to_string(code) + " " + text + "\r\n";
  reply += "Content-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  if (close) reply += "Connection: close\r\n";
  return reply + "\r\n" + body;
}

// Replies fit the socket's buffer but for large files, where a slow reader may hold up the others.
bool WriteAll(int fd, const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    ssize_t n = write(fd, text.data() + done, text.size() - done);
    if (n > 0) {
      done += static_cast<size_t>(n);
      continue;
    }
    pollfd poller = {.fd = fd, .events = POLLOUT, .revents = 0};
    if (errno != EAGAIN || poll(&poller, 1, 1000) != 1) return false;
  }
  return true;
}

}  // namespace

HttpServer::HttpServer(ServeOptions options, const Diary* diary)
    : options_(std::move(options)), diary_(diary) {}

bool HttpServer::Listen() {
  listen_ = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  bool v6 = listen_ >= 0;
  if (!v6) listen_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int one = 1;
  int zero = 0;
  setsockopt(listen_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  if (options_.reuse_port) setsockopt(listen_, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
  sockaddr_storage address = {};
  socklen_t length = sizeof(sockaddr_in);
  if (v6) {
    setsockopt(listen_, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
    auto* in6 = reinterpret_cast<sockaddr_in6*>(&address);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(static_cast<uint16_t>(options_.port));
    length = sizeof(sockaddr_in6);
  } else {
    auto* in4 = reinterpret_cast<sockaddr_in*>(&address);
    in4->sin_family = AF_INET;
    in4->sin_port = htons(static_cast<uint16_t>(options_.port));
  }
  if (bind(listen_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      listen(listen_, 4096) != 0) {
    std::fprintf(stderr, "listen on port %d: %s\n", options_.port, std::strerror(errno));
    return false;
  }
  return true;
}

int HttpServer::Run() {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  sigprocmask(SIG_BLOCK, &stop, nullptr);
  if (options_.start_delay_ms > 0) {
    timespec wait = {options_.start_delay_ms / 1000, options_.start_delay_ms % 1000 * 1'000'000};
    if (sigtimedwait(&stop, nullptr, &wait) > 0) return 0;
  }
  if (!Listen()) return 1;
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  signal_ = signalfd(-1, &stop, SFD_NONBLOCK | SFD_CLOEXEC);
  for (int fd : {listen_, signal_}) {
    epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }
  diary_->Write("listen");
  std::printf("listening on port %d\n", options_.port);
  std::fflush(stdout);
  while (!Finished()) {
    epoll_event events[64];
    int count = epoll_wait(epoll_, events, 64, NextTimeoutMs());
    for (int i = 0; i < count; ++i) {
      int fd = events[i].data.fd;
      if (fd == listen_) {
        AcceptAll();
      } else if (fd == signal_) {
        BeginStop();
      } else {
        OnReadable(fd);
      }
    }
    ReleaseHeld();
  }
  diary_->Write("exit");
  return 0;
}

void HttpServer::BeginStop() {
  signalfd_siginfo info;
  while (read(signal_, &info, sizeof(info)) == sizeof(info)) {
    diary_->Write(info.ssi_signo == SIGTERM ? "term" : "int");
    if (stop_at_ms_ == 0) stop_at_ms_ = MonotonicMs() + options_.drain_ms;
  }
}

// After the drain time: takes what is queued, closes the listener, and waits (briefly) for the
// replies that are owed.
bool HttpServer::Finished() {
  if (stop_at_ms_ == 0 || MonotonicMs() < stop_at_ms_) return false;
  if (listen_ >= 0) {
    AcceptAll();
    close(listen_);
    listen_ = -1;
  }
  // What was accepted a moment ago may not have sent its request yet.
  if (options_.drain_ms > 0 && MonotonicMs() < stop_at_ms_ + kLastRequestsMs) return false;
  bool late = MonotonicMs() > stop_at_ms_ + 1000;
  return late || std::none_of(connections_.begin(), connections_.end(), [](const auto& entry) {
           const Connection& c = entry.second;
           return !c.in.empty() || !c.out.empty() || !c.held.empty();
         });
}

int HttpServer::NextTimeoutMs() const {
  int64_t now = MonotonicMs();
  int64_t next = stop_at_ms_ == 0 ? now + 1000 : std::max(stop_at_ms_, now + 5);
  for (const auto& [fd, connection] : connections_) {
    if (!connection.held.empty()) next = std::min(next, connection.reply_at_ms);
  }
  return static_cast<int>(std::max<int64_t>(0, next - now));
}

void HttpServer::AcceptAll() {
  for (;;) {
    int fd = accept4(listen_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data = {.fd = fd}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    connections_[fd] = {};
    OnReadable(fd);
  }
}

void HttpServer::OnReadable(int fd) {
  auto it = connections_.find(fd);
  if (it == connections_.end()) return;
  char buffer[4096];
  for (;;) {
    ssize_t n = read(fd, buffer, sizeof(buffer));
    if (n > 0) {
      it->second.in.append(buffer, static_cast<size_t>(n));
      if (it->second.in.size() > 65536) return Close(fd);
      continue;
    }
    if (n < 0 && errno == EAGAIN) break;
    return Close(fd);
  }
  Pump(fd);
}

// Answers the complete requests of one connection, one after another.
void HttpServer::Pump(int fd) {
  Connection& c = connections_[fd];
  while (c.held.empty()) {
    size_t end = c.in.find("\r\n\r\n");
    if (end == std::string::npos) break;
    std::string head = c.in.substr(0, end);
    c.in.erase(0, end + 4);
    size_t from = head.find(' ');
    size_t to = head.find(' ', from + 1);
    if (from == std::string::npos || to == std::string::npos) return Close(fd);
    c.close_after = stop_at_ms_ != 0 || head.find("Connection: close") != std::string::npos;
    std::string reply = Handle(head.substr(from + 1, to - from - 1), &c);
    (c.reply_at_ms > 0 ? c.held : c.out) += reply;
  }
  if (!c.out.empty()) {
    if (!WriteAll(fd, c.out)) return Close(fd);
    c.out.clear();
    if (c.close_after) Close(fd);
  }
}

void HttpServer::ReleaseHeld() {
  int64_t now = MonotonicMs();
  std::vector<int> due;
  for (auto& [fd, connection] : connections_) {
    if (!connection.held.empty() && connection.reply_at_ms <= now) due.push_back(fd);
  }
  for (int fd : due) {
    Connection& c = connections_[fd];
    c.out = std::move(c.held);
    c.held.clear();
    c.reply_at_ms = 0;
    Pump(fd);
  }
}

std::string HttpServer::Handle(const std::string& target, Connection* connection) {
  size_t mark = target.find('?');
  std::string path = target.substr(0, mark);
  std::string argument = mark == std::string::npos ? "" : target.substr(mark + 1);
  bool close = connection->close_after;
  if (path == "/healthz") {
    return stop_at_ms_ == 0 ? Reply(200, "ok\n", close) : Reply(503, "stopping\n", close);
  }
  if (path == "/id") return Reply(200, options_.instance + "\n", close);
  if (path == "/env" && argument.empty()) {
    std::string all;
    for (char** entry = environ; *entry != nullptr; ++entry) all += std::string(*entry) + "\n";
    return Reply(200, all, close);
  }
  if (path == "/env") {
    const char* value = getenv(argument.c_str());
    return value == nullptr ? Reply(404, "", close) : Reply(200, value, close);
  }
  if (path == "/slow") {
    connection->reply_at_ms = MonotonicMs() + std::max(1L, std::atol(argument.c_str()));
    return Reply(200, "slow\n", close);
  }
  if (path == "/file") {
    std::ifstream file(argument);
    std::stringstream content;
    if (!file || !(content << file.rdbuf())) return Reply(404, "", close);
    return Reply(200, content.str(), close);
  }
  return Reply(404, "unknown path\n", close);
}

void HttpServer::Close(int fd) {
  close(fd);
  connections_.erase(fd);
}

}  // namespace rekindle::testserver
