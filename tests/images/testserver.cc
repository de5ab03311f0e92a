// The program inside the test images. One binary, many behaviours; `testserver help` lists them.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "tests/images/diary.h"
#include "tests/images/http_server.h"

namespace rekindle::testserver {
namespace {

constexpr char kHelp[] =
    "testserver MODE [ARGUMENT...] [OPTION...]\n"
    "  serve                  HTTP on --port; leaves on SIGTERM or SIGINT after --drain-ms\n"
    "  wait                   no listener; leaves with 0 on SIGTERM or SIGINT after --drain-ms\n"
    "  ignore-term            ignores SIGTERM and SIGINT: only SIGKILL ends it\n"
    "  crash-after MS [CODE]  leaves with CODE (1) after MS milliseconds\n"
    "  exit CODE              leaves at once\n"
    "  fail-first N FILE      leaves with 1 on its first N runs (counted in FILE), then serves\n"
    "  log N [BYTES]          prints N lines of BYTES (32) bytes on each stream, then waits\n"
    "  oom-child              a child runs into the memory limit and is killed; then as wait\n"
    "  append FILE TEXT       adds a line to FILE and leaves; for hooks\n"
    "options: --port N (8080)  --reuse-port  --drain-ms N (0)  --start-delay-ms N (0)\n"
    "         --diary FILE    one line per start, listen, term, int and exit\n";

struct Arguments {
  std::string mode;
  std::vector<std::string> words;
  ServeOptions serve;
  std::string diary;
};

// Exits with 2 on what it does not know: a test with a typing error must not pass.
Arguments Parse(int argc, char** argv) {
  Arguments out;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    auto value = [&]() -> std::string {
      if (++i < argc) return argv[i];
      std::fprintf(stderr, "%s needs a value\n", word.c_str());
      std::exit(2);
    };
    if (word == "--port") {
      out.serve.port = std::atoi(value().c_str());
    } else if (word == "--reuse-port") {
      out.serve.reuse_port = true;
    } else if (word == "--drain-ms") {
      out.serve.drain_ms = std::atol(value().c_str());
    } else if (word == "--start-delay-ms") {
      out.serve.start_delay_ms = std::atol(value().c_str());
    } else if (word == "--diary") {
      out.diary = value();
    } else if (word.rfind("--", 0) == 0) {
      std::fprintf(stderr, "unknown option %s\n%s", word.c_str(), kHelp);
      std::exit(2);
    } else if (out.mode.empty()) {
      out.mode = word;
    } else {
      out.words.push_back(word);
    }
  }
  return out;
}

std::string Word(const Arguments& arguments, size_t index, const char* fallback = nullptr) {
  if (index < arguments.words.size()) return arguments.words[index];
  if (fallback != nullptr) return fallback;
  std::fprintf(stderr, "%s needs more arguments\n%s", arguments.mode.c_str(), kHelp);
  std::exit(2);
}

void SleepMs(int64_t ms) {
  timespec wait = {ms / 1000, ms % 1000 * 1'000'000};
  while (nanosleep(&wait, &wait) != 0) {
  }
}

sigset_t StopSignals() {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  return stop;
}

int WaitForStop(const Arguments& arguments, const Diary& diary) {
  const sigset_t stop = StopSignals();
  sigprocmask(SIG_BLOCK, &stop, nullptr);
  int received = 0;
  sigwait(&stop, &received);
  diary.Write(received == SIGTERM ? "term" : "int");
  SleepMs(arguments.serve.drain_ms);
  diary.Write("exit");
  return 0;
}

int IgnoreTerm(const Diary& diary) {
  static const Diary* log = &diary;
  struct sigaction action = {};
  action.sa_handler = [](int received) { log->Write(received == SIGTERM ? "term" : "int"); };
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  for (;;) pause();
}

int Log(const Arguments& arguments, const Diary& diary) {
  long lines = std::atol(Word(arguments, 0).c_str());
  std::string fill(std::strtoul(Word(arguments, 1, "32").c_str(), nullptr, 10), 'x');
  for (long i = 0; i < lines; ++i) {
    std::string line = (std::to_string(i) + " " + fill).substr(0, std::max<size_t>(fill.size(), 8));
    std::fprintf(stdout, "%s\n", line.c_str());
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  std::fflush(stdout);
  return WaitForStop(arguments, diary);
}

// The parent outlives it: the kernel takes the child first.
int OomChild(const Arguments& arguments, const Diary& diary) {
  const pid_t child = fork();
  if (child == 0) {
    std::ofstream("/proc/self/oom_score_adj") << 1000;
    constexpr size_t kStep = 1 << 20;
    for (;;) {
      char* more = static_cast<char*>(std::malloc(kStep));
      if (more == nullptr) _exit(3);
      std::memset(more, 1, kStep);
    }
  }
  int status = 0;
  const bool killed = child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status);
  diary.Write(killed ? "child-killed" : "child-survived");
  return WaitForStop(arguments, diary);
}

// Counts this run in the file; true while it is one of the first `n`.
bool CountRun(const std::string& path, long n) {
  long runs = 0;
  std::ifstream(path) >> runs;
  std::ofstream(path) << runs + 1;
  return runs < n;
}

int Main(int argc, char** argv) {
  Arguments arguments = Parse(argc, argv);
  arguments.serve.instance = std::to_string(NowNanos()) + "-" + std::to_string(getpid());
  Diary diary(arguments.diary, arguments.serve.instance);
  const std::string& mode = arguments.mode;
  if (mode == "append") {
    std::ofstream(Word(arguments, 0), std::ios::app) << Word(arguments, 1) << "\n";
    return 0;
  }
  if (mode == "wait" || mode == "log" || mode == "oom-child") {
    // Whoever has read "start" may send its signal: the first process of a container gets none that
    // it neither handles nor blocks.
    const sigset_t stop = StopSignals();
    sigprocmask(SIG_BLOCK, &stop, nullptr);
  }
  diary.Write("start");
  if (mode == "serve") return HttpServer(arguments.serve, &diary).Run();
  if (mode == "wait") return WaitForStop(arguments, diary);
  if (mode == "oom-child") return OomChild(arguments, diary);
  if (mode == "ignore-term") return IgnoreTerm(diary);
  if (mode == "exit") return std::atoi(Word(arguments, 0).c_str());
  if (mode == "log") return Log(arguments, diary);
  if (mode == "crash-after") {
    SleepMs(std::atol(Word(arguments, 0).c_str()));
    return std::atoi(Word(arguments, 1, "1").c_str());
  }
  if (mode == "fail-first") {
    if (CountRun(Word(arguments, 1), std::atol(Word(arguments, 0).c_str()))) return 1;
    return HttpServer(arguments.serve, &diary).Run();
  }
  std::fprintf(stderr, "%s", kHelp);
  return mode == "help" ? 0 : 2;
}

}  // namespace
}  // namespace rekindle::testserver

int main(int argc, char** argv) { return rekindle::testserver::Main(argc, argv); }
