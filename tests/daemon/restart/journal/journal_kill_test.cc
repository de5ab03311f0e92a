// Kills a process that writes a journal, at random moments, and checks that everything it had been
// told was stored is there. REKINDLE_KILLS sets the number of kills (default 20; soak: 1000).
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <future>
#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "daemon/restart/journal/journal_sqlite.h"
#include "tests/daemon/restart/journal/journal_testing.h"

extern char** environ;

namespace rekindle::restart {
namespace {

constexpr int kLanes = 4;       // operations under way at once
constexpr int kSteps = 9;       // updates of each
constexpr int kGone = 1 << 20;  // the step that stands for "removed"

// What the writer reports on its standard output once a call was answered with OK.
struct Ack {
  int operation;
  int step;  // 0: appended; 1..kSteps: updated; kGone: removed
};

// Writes until it is killed: appends an operation, updates it kSteps times, removes every other
// one.
class Writer {
 public:
  Writer(Journal& journal, int first) : journal_(journal), next_(first) {}

  void Start() {
    for (int i = 0; i < kLanes; ++i) Next();
  }

 private:
  void Next() {
    const int operation = next_++;
    journal_.Append({SmallRecord(absl::StrCat("op", operation))},
                    [this, operation](const absl::Status& status) { Done(operation, 0, status); });
  }

  void Done(int operation, int step, const absl::Status& status) {
    if (!status.ok()) ::_exit(3);
    const Ack ack{operation, step};
    if (::write(STDOUT_FILENO, &ack, sizeof(ack)) != sizeof(ack)) ::_exit(4);
    if (step == kGone || (step == kSteps && operation % 2 == 0)) return Next();
    const int following = step == kSteps ? kGone : step + 1;
    const auto done = [this, operation, following](const absl::Status& result) {
      Done(operation, following, result);
    };
    if (following == kGone) {
      journal_.Remove({absl::StrCat("op", operation, "/c")}, done);
      return;
    }
    OperationRecord record = SmallRecord(absl::StrCat("op", operation));
    record.attempt = static_cast<uint32_t>(following);
    record.message = std::string(static_cast<size_t>(following) * 37, 'm');
    journal_.Update(record, done);
  }

  Journal& journal_;
  int next_;
};

[[noreturn]] void RunWriter(const std::string& directory, int first) {
  AsioLoop loop("writer");
  SqliteJournal::Options options;
  options.directory = directory;
  options.max_pages = 200;  // many checkpoints, so that kills hit them, too
  auto opened = SqliteJournal::Open(loop, options);
  if (!opened.ok()) ::_exit(2);
  Writer writer(*opened->journal, first);
  loop.Post([&] { writer.Start(); });
  std::promise<void>().get_future().wait();
  ::_exit(1);
}

// Runs a writer, kills it once it has been at work for `delay`, and adds its acknowledgements.
void RunAndKill(const std::string& directory, int first, absl::Duration delay,
                std::map<int, int>& acknowledged) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  std::string arguments[] = {"/proc/self/exe", "--writer", directory, absl::StrCat(first)};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(),
                  arguments[3].data(), nullptr};
  pid_t pid = 0;
  ASSERT_EQ(::posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, argv, environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);

  // The clock starts with the first acknowledgement.
  absl::Time kill_at = absl::Now() + absl::Seconds(30);
  bool killed = false;
  bool started = false;
  Ack ack{};
  while (true) {
    const auto left =
        absl::ToInt64Milliseconds(absl::Ceil(kill_at - absl::Now(), absl::Milliseconds(1)));
    pollfd ready{ends[0], POLLIN, 0};
    if (!killed && (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) == 0)) {
      ::kill(pid, SIGKILL);
      killed = true;
    }
    if (!killed && (ready.revents & (POLLIN | POLLHUP)) == 0) continue;
    // Acknowledgements are smaller than PIPE_BUF and therefore whole.
    if (::read(ends[0], &ack, sizeof(ack)) != sizeof(ack)) break;
    acknowledged[ack.operation] = std::max(acknowledged[ack.operation], ack.step);
    if (!std::exchange(started, true)) kill_at = absl::Now() + delay;
  }
  ::close(ends[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
      << "the writer ended by itself, status " << status;
  EXPECT_TRUE(started) << "the writer never got a reply";
}

TEST(JournalKill, EverythingAcknowledgedSurvivesSigkill) {
  const char* wanted = std::getenv("REKINDLE_KILLS");
  const int kills = wanted == nullptr ? 20 : std::atoi(wanted);
  ASSERT_GT(kills, 0);
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> microseconds(0, 120'000);

  TempDir dir;
  std::map<int, int> acknowledged;
  int64_t calls = 0;
  for (int kill = 0; kill < kills && !::testing::Test::HasFailure(); ++kill) {
    std::map<int, int> this_time;
    const int first = kill * 1'000'000;
    RunAndKill(dir / "state", first, absl::Microseconds(microseconds(random)), this_time);
    acknowledged.insert(this_time.begin(), this_time.end());

    auto opened = JournalFile::Open(dir / "state", "", absl::Now());
    ASSERT_TRUE(opened.ok()) << opened.status();
    ASSERT_TRUE(opened->contents.quarantined.empty()) << opened->contents.quarantined.front();
    std::map<std::string, int> stored;
    for (const OperationRecord& record : opened->contents.records) {
      stored[record.id()] = static_cast<int>(record.attempt);
    }
    for (const auto& [operation, step] : acknowledged) {
      calls += this_time.count(operation) != 0 ? std::min(step, kSteps) + 1 : 0;
      const auto it = stored.find(absl::StrCat("op", operation, "/c"));
      if (step == kGone) {
        EXPECT_EQ(it, stored.end()) << operation << " came back";
      } else if (it == stored.end()) {
        // Its removal may have been done and not yet acknowledged.
        EXPECT_TRUE(step == kSteps && operation % 2 == 1) << operation << " lost at step " << step;
      } else {
        EXPECT_GE(it->second, step) << operation << " went back";
        EXPECT_LE(it->second, step + 1) << operation;
      }
    }
    // Old ones were checked often enough; what remains is what the last kill may have hurt.
    if (acknowledged.size() > 5000) {
      ASSERT_TRUE(opened->file->Begin(true).ok());
      std::vector<std::string> ids;
      for (const auto& [id, attempt] : stored) ids.push_back(id);
      ASSERT_TRUE(opened->file->Delete(ids).ok());
      ASSERT_TRUE(opened->file->Commit().ok());
      acknowledged.clear();
    }
  }
  RecordProperty("kills", kills);
  RecordProperty("calls", static_cast<int>(calls));
  std::printf("%d kills, %lld acknowledged calls, seed %u\n", kills, static_cast<long long>(calls),
              seed);
}

}  // namespace
}  // namespace rekindle::restart

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "--writer") == 0) {
    rekindle::restart::RunWriter(argv[2], std::atoi(argv[3]));
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
