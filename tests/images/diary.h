#ifndef REKINDLE_TEST_IMAGES_DIARY_H_
#define REKINDLE_TEST_IMAGES_DIARY_H_

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <string>

namespace rekindle::testserver {

inline int64_t NowNanos() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Appends one line per event, "<event> <nanoseconds since the epoch> <instance>", to a file in a
// volume. Tests count the lines to prove that a container was started and stopped exactly once.
class Diary {
 public:
  // An empty `path` writes nothing. `instance` tells one run of the program from the next.
  Diary(std::string path, std::string instance)
      : path_(std::move(path)), instance_(std::move(instance)) {}

  void Write(const char* event) const {
    if (path_.empty()) return;
    int fd = open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return;
    std::string line =
        std::string(event) + " " + std::to_string(NowNanos()) + " " + instance_ + "\n";
    // One write of one short line is atomic for appenders.
    if (write(fd, line.data(), line.size()) < 0) {
    }
    close(fd);
  }

 private:
  std::string path_;
  std::string instance_;
};

}  // namespace rekindle::testserver

#endif  // REKINDLE_TEST_IMAGES_DIARY_H_
