// Kills a process that writes to a store, at random moments, and checks that what it had been told
// was stored is there, that revisions never go back, and that watches go on without a gap.
// REKINDLE_STORE_KILLS sets the number of kills (default 20; the long form: 500).
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
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/controller/apiserver/store/store_testing.h"

extern char** environ;

namespace rekindle::apiserver {
namespace {

constexpr int kLanes = 8;

// What the writer reports on its standard output: a write that was answered with OK, or a change
// that its watch has seen. Smaller than PIPE_BUF and therefore whole.
struct Report {
  enum Kind : int32_t { kAcknowledged, kWatched } kind;
  int32_t lane;
  int64_t step;
  Revision revision;
};

void Send(const Report& report) {
  if (::write(STDOUT_FILENO, &report, sizeof(report)) != sizeof(report)) ::_exit(4);
}

std::string TextOf(int lane, int64_t step) {
  // Sizes from some bytes to several pages.
  return absl::StrCat(lane, " ", step, " ", std::string(static_cast<size_t>(step % 13) * 997, 't'));
}

Report ParseChange(const Change& change) {
  Report report{Report::kWatched, -1, -1, change.revision};
  if (std::sscanf(change.text->c_str(), "%d %ld", &report.lane, &report.step) != 2 ||
      (change.type != Change::Type::kDeleted && *change.text != TextOf(report.lane, report.step))) {
    report.lane = -1;
  }
  return report;
}

class ReportingSink final : public WatchSink {
 public:
  void OnChanges(const std::vector<std::shared_ptr<const Change>>& changes) override {
    for (const auto& change : changes) Send(ParseChange(*change));
  }
  void OnProgress(Revision) override {}
  void OnEnd(const absl::Status&) override {}
};

SqliteStore::Options OptionsFor(const std::string& directory) {
  SqliteStore::Options options;
  options.directory = directory;
  // Checkpoints and compaction all the time, so that kills hit them too.
  options.checkpoint_pages = 50;
  options.pressing_pages = 2000;
  options.max_history = 20'000;
  options.compaction_step = 50;
  return options;
}

// One lane writes its object again and again; every 7th step removes it.
void WriteLane(SqliteStore& store, int lane) {
  const Key key{"pods", "ns", absl::StrCat("lane", lane)};
  Revision revision = 0;
  int64_t step = 0;
  if (auto found = store.Get(key); found.ok()) revision = found->revision;
  while (true) {
    // Steps are times, so that they grow over kills.
    step = std::max(step + 1, absl::ToUnixMicros(absl::Now()));
    const bool remove = step % 7 == 0 && revision != 0;
    Write write{key, revision, TextOf(lane, step), std::nullopt};
    if (remove) write = {key, revision, std::nullopt, TextOf(lane, step)};
    const auto done = store.Commit({write});
    if (!done.ok()) ::_exit(3);
    Send({Report::kAcknowledged, lane, step, done->at(0)});
    revision = remove ? 0 : done->at(0);
  }
}

[[noreturn]] void RunWriter(const std::string& directory) {
  auto store = SqliteStore::Open(OptionsFor(directory));
  if (!store.ok()) ::_exit(2);
  auto watch = (*store)->Watch("pods", "", 0, std::make_shared<ReportingSink>());
  if (!watch.ok()) ::_exit(5);
  std::vector<std::thread> lanes;
  for (int lane = 0; lane < kLanes; ++lane) {
    lanes.emplace_back([&, lane] { WriteLane(**store, lane); });
  }
  std::promise<void>().get_future().wait();
  ::_exit(1);
}

// Runs a writer, kills it once it has been at work for `delay`, and gives back what it reported.
std::vector<Report> RunAndKill(const std::string& directory, absl::Duration delay) {
  std::vector<Report> reports;
  int ends[2];
  if (::pipe(ends) != 0) return reports;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  std::string arguments[] = {"/proc/self/exe", "--writer", directory};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), nullptr};
  pid_t pid = 0;
  const int spawned = ::posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (spawned != 0) {
    ::close(ends[0]);
    return reports;
  }
  // The clock starts with the first report.
  absl::Time kill_at = absl::Now() + absl::Seconds(30);
  bool killed = false;
  Report report{};
  while (true) {
    const auto left =
        absl::ToInt64Milliseconds(absl::Ceil(kill_at - absl::Now(), absl::Milliseconds(1)));
    pollfd ready{ends[0], POLLIN, 0};
    if (!killed && (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) == 0)) {
      ::kill(pid, SIGKILL);
      killed = true;
    }
    if (!killed && (ready.revents & (POLLIN | POLLHUP)) == 0) continue;
    if (::read(ends[0], &report, sizeof(report)) != sizeof(report)) break;
    if (reports.empty()) kill_at = absl::Now() + delay;
    reports.push_back(report);
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
      << "the writer ended by itself, status " << status;
  EXPECT_FALSE(reports.empty()) << "the writer never got a reply";
  return reports;
}

class Checker {
 public:
  explicit Checker(std::string directory) : directory_(std::move(directory)) {}

  void Check(const std::vector<Report>& reports) {
    auto store = SqliteStore::Open(OptionsFor(directory_));
    ASSERT_TRUE(store.ok()) << store.status();
    const Revision newest = (*store)->revision();
    for (const Report& report : reports) {
      ASSERT_LE(report.revision, newest) << "an acknowledged or watched write is gone";
      ASSERT_GT(report.revision, seen_) << "a revision was given out twice";
      ASSERT_NE(report.lane, -1) << "a change with a text that nobody wrote";
    }
    // The watch goes on where it was before the kill.
    auto recorder = std::make_shared<Recorder>();
    auto watch = (*store)->Watch("pods", "", seen_, recorder);
    ASSERT_TRUE(watch.ok()) << watch.status();
    const auto changes = recorder->Changes(static_cast<size_t>(newest - seen_));
    ASSERT_EQ(changes.size(), static_cast<size_t>(newest - seen_));
    std::map<Revision, Report> by_revision;
    for (size_t i = 0; i < changes.size(); ++i) {
      ASSERT_EQ(changes[i]->revision, seen_ + 1 + static_cast<Revision>(i));
      const Report parsed = ParseChange(*changes[i]);
      ASSERT_NE(parsed.lane, -1) << "a text that nobody wrote";
      by_revision.emplace(parsed.revision, parsed);
      const bool deleted = changes[i]->type == Change::Type::kDeleted;
      present_[parsed.lane] = {deleted ? 0 : parsed.revision, parsed.step};
    }
    for (const Report& report : reports) {
      const auto found = by_revision.find(report.revision);
      ASSERT_NE(found, by_revision.end()) << report.revision;
      ASSERT_EQ(found->second.lane, report.lane);
      ASSERT_EQ(found->second.step, report.step);
    }
    acknowledged += reports.size();
    // The objects are what the history says.
    for (const auto& [lane, last] : present_) {
      const auto object = (*store)->Get({"pods", "ns", absl::StrCat("lane", lane)});
      ASSERT_EQ(object.ok() ? object->revision : 0, last.first);
      if (object.ok()) {
        ASSERT_EQ(*object->text, TextOf(lane, last.second));
      }
    }
    seen_ = newest;
  }

  uint64_t acknowledged = 0;

 private:
  const std::string directory_;
  Revision seen_ = 1;
  std::map<int, std::pair<Revision, int64_t>> present_;
};

TEST(StoreKill, EverythingAcknowledgedSurvivesSigkill) {
  const char* wanted = std::getenv("REKINDLE_STORE_KILLS");
  const int kills = wanted == nullptr ? 20 : std::atoi(wanted);
  ASSERT_GT(kills, 0);
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> microseconds(0, 200'000);
  TempDir dir;
  Checker checker(dir / "data");
  for (int kill = 0; kill < kills && !::testing::Test::HasFailure(); ++kill) {
    const auto reports = RunAndKill(dir / "data", absl::Microseconds(microseconds(random)));
    if (::testing::Test::HasFailure()) break;
    checker.Check(reports);
  }
  std::printf("%d kills, %llu reports, seed %u\n", kills,
              static_cast<unsigned long long>(checker.acknowledged), seed);
}

}  // namespace
}  // namespace rekindle::apiserver

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--writer") == 0) {
    rekindle::apiserver::RunWriter(argv[2]);
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
