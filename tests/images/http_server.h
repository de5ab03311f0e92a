#ifndef REKINDLE_TEST_IMAGES_HTTP_SERVER_H_
#define REKINDLE_TEST_IMAGES_HTTP_SERVER_H_

#include <cstdint>
#include <map>
#include <string>

#include "tests/images/diary.h"

namespace rekindle::testserver {

struct ServeOptions {
  int port = 8080;
  bool reuse_port = false;     // SO_REUSEPORT: two instances may listen side by side
  int64_t drain_ms = 0;        // after SIGTERM or SIGINT, how long to go on serving
  int64_t start_delay_ms = 0;  // before listening
  std::string instance;        // what /id answers
};

// A small HTTP/1.1 server on one epoll thread:
//   GET /healthz       200 "ok"; 503 from the stop signal on
//   GET /id            the instance: another one after each start
//   GET /env?NAME      the variable's value, 404 if unset; /env lists all
//   GET /slow?MS       answers after MS milliseconds
//   GET /file?PATH     the file's content, 404 if it cannot be read
// On SIGTERM or SIGINT it goes on serving for drain_ms (each reply says "Connection: close"),
// takes what waits in the accept queue, answers what has been asked, and leaves with 0.
class HttpServer {
 public:
  HttpServer(ServeOptions options, const Diary* diary);
  // Serves until a stop signal has been obeyed. Returns the process's exit code: 1 if it could not
  // listen.
  int Run();

 private:
  struct Connection {
    std::string in;
    std::string out;
    int64_t reply_at_ms = 0;  // /slow: when the held reply is due
    std::string held;
    bool close_after = false;
  };

  bool Listen();
  void AcceptAll();
  void OnReadable(int fd);
  void Pump(int fd);
  std::string Handle(const std::string& target, Connection* connection);
  void Close(int fd);
  int NextTimeoutMs() const;
  void ReleaseHeld();
  void BeginStop();
  bool Finished();

  const ServeOptions options_;
  const Diary* const diary_;
  int epoll_ = -1;
  int listen_ = -1;
  int signal_ = -1;
  std::map<int, Connection> connections_;
  int64_t stop_at_ms_ = 0;  // 0: not asked to stop
};

}  // namespace rekindle::testserver

#endif  // REKINDLE_TEST_IMAGES_HTTP_SERVER_H_
