#ifndef REKINDLE_TEST_MEASURE_TCP_CLIENT_H_
#define REKINDLE_TEST_MEASURE_TCP_CLIENT_H_

#include <string>

namespace rekindle::measure {

// A blocking HTTP/1.1 client on one connection, as small as a measuring client must be: no
// allocation of consequence, no threads. Threads: owned by one.
class TcpClient {
 public:
  TcpClient(std::string ip, int port, int timeout_ms);
  ~TcpClient();
  TcpClient(const TcpClient&) = delete;
  TcpClient& operator=(const TcpClient&) = delete;

  bool Connect();
  bool connected() const { return fd_ >= 0; }
  // Sends GET `target` and reads the whole reply. True on a 200 with a complete body (in `body`).
  // The connection is closed afterwards if the server says so, on failure, or without `keep`.
  bool Get(const char* target, bool keep, std::string* body);
  // True if the server has closed the connection while nothing was asked.
  bool ClosedByServer() const;
  // `reset`: without waiting states, so that a client that connects all the time does not run out
  // of ports.
  void Close(bool reset);

 private:
  const std::string ip_;
  const int port_;
  const int timeout_ms_;
  int fd_ = -1;
};

}  // namespace rekindle::measure

#endif  // REKINDLE_TEST_MEASURE_TCP_CLIENT_H_
