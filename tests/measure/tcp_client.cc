#include "tests/measure/tcp_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace rekindle::measure {

TcpClient::TcpClient(std::string ip, int port, int timeout_ms)
    : ip_(std::move(ip)), port_(port), timeout_ms_(timeout_ms) {}

TcpClient::~TcpClient() { Close(true); }

bool TcpClient::Connect() {
  Close(true);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port_));
  if (inet_pton(AF_INET, ip_.c_str(), &address.sin_addr) != 1) return false;
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval limit = {timeout_ms_ / 1000, timeout_ms_ % 1000 * 1000};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));  // bounds connect as well
  int one = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) return true;
  Close(true);
  return false;
}

bool TcpClient::Get(const char* target, bool keep, std::string* body) {
  std::string request = std::string("GET ") + target + " HTTP/1.1\r\nHost: " + ip_ + "\r\n" +
                        (keep ? "\r\n" : "Connection: close\r\n\r\n");
  bool good = send(fd_, request.data(), request.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(request.size());
  std::string reply;
  size_t head = std::string::npos;
  size_t length = 0;
  while (good) {
    if (head == std::string::npos && (head = reply.find("\r\n\r\n")) != std::string::npos) {
      size_t at = reply.find("Content-Length: ");
      good = reply.rfind("HTTP/1.1 200 ", 0) == 0 && at < head;
      if (good) length = std::strtoul(reply.c_str() + at + 16, nullptr, 10);
    }
    if (good && head != std::string::npos && reply.size() >= head + 4 + length) break;
    char buffer[4096];
    ssize_t n = good ? recv(fd_, buffer, sizeof(buffer), 0) : 0;
    if (n <= 0) {
      good = false;
    } else {
      reply.append(buffer, static_cast<size_t>(n));
    }
  }
  if (good) *body = reply.substr(head + 4, length);
  bool told = good && reply.substr(0, head).find("Connection: close") != std::string::npos;
  if (!good || !keep || told) Close(true);
  return good;
}

bool TcpClient::ClosedByServer() const {
  pollfd poller = {.fd = fd_, .events = POLLIN | POLLRDHUP, .revents = 0};
  return poll(&poller, 1, 0) > 0;
}

void TcpClient::Close(bool reset) {
  if (fd_ < 0) return;
  linger now = {1, 0};
  if (reset) setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  close(fd_);
  fd_ = -1;
}

}  // namespace rekindle::measure
