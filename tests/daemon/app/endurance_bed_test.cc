// One pod restarted again and again: memory, descriptors and threads of the daemon stay flat.
// REKINDLE_RESTARTS=10000 runs the long form.
#include <filesystem>
#include <fstream>

#include "absl/strings/numbers.h"

#include "tests/daemon/app/daemon_fixture.h"

namespace rekindle {
namespace {

int Restarts() {
  const char* text = getenv("REKINDLE_RESTARTS");
  return text == nullptr ? 120 : atoi(text);
}

struct Usage {
  int64_t resident_kib = 0;
  int64_t threads = 0;
  int64_t descriptors = 0;
};

Usage Read(pid_t pid) {
  Usage usage;
  for (absl::string_view line :
       absl::StrSplit(bed::ReadFile(absl::StrCat("/proc/", pid, "/status")), '\n')) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar("\t "), absl::SkipEmpty());
    if (words.size() < 2) continue;
    if (words[0] == "VmRSS:") (void)absl::SimpleAtoi(words[1], &usage.resident_kib);
    if (words[0] == "Threads:") (void)absl::SimpleAtoi(words[1], &usage.threads);
  }
  for (const auto& entry :
       std::filesystem::directory_iterator(absl::StrCat("/proc/", pid, "/fd"))) {
    static_cast<void>(entry);
    ++usage.descriptors;
  }
  return usage;
}

class EnduranceTest : public DaemonTest {
 protected:
  // The program itself runs: the runtime calls a container started before it does, and a signal
  // that comes in between never reaches the program.
  static bool AwaitProgram(const bed::Pod& pod, const std::string& container) {
    const std::string diary = absl::StrCat(bed_->Volume(pod.spec.name), "/", container);
    return bed::WaitUntil([&diary] { return LastEvent(diary) == "start"; }, absl::Seconds(30));
  }

 private:
  // Of the last line; the diary of ten thousand restarts is not read as a whole each time.
  static std::string LastEvent(const std::string& diary) {
    constexpr std::streamoff kTail = 200;
    std::ifstream file(diary, std::ios::binary | std::ios::ate);
    const std::streamoff size = file.tellg();
    file.seekg(std::max<std::streamoff>(0, size - kTail));
    std::string line;
    std::string last;
    while (std::getline(file, line)) last = line;
    return last.substr(0, last.find(' '));
  }
};

TEST_F(EnduranceTest, ManyRestartsOfOnePod) {
  KillDaemon();
  // What is remembered of ended operations is bounded too; reach that bound early.
  StartDaemon({"--max-stored-operations", "100", "--max-active-operations", "100"});
  bed::Pod& pod = RunPod("long", {"main"});
  const int restarts = Restarts();
  const int warm = std::min(restarts / 2, 500);
  Usage early;
  for (int i = 1; i <= restarts; ++i) {
    const auto ended = Restart(Request(pod, {"main"}, absl::StrCat("long-", i)));
    ASSERT_TRUE(ended.ok()) << i << ": " << ended.status();
    ASSERT_EQ(ended->at("main").phase(), pb::PHASE_DONE) << i << ended->at("main").message();
    ASSERT_EQ(ended->at("main").attempt(), static_cast<uint32_t>(i));
    ASSERT_TRUE(AwaitProgram(pod, "main")) << i;
    if (i == warm) early = Read(daemon_->pid());
  }
  const Usage late = Read(daemon_->pid());
  std::cout << restarts << " restarts; after " << warm << ": " << early.resident_kib << " KiB, "
            << early.threads << " threads, " << early.descriptors
            << " descriptors; at the end: " << late.resident_kib << " KiB, " << late.threads
            << " threads, " << late.descriptors << " descriptors\n";
  EXPECT_LE(late.threads, early.threads + 2);  // gRPC's pool breathes
  EXPECT_LE(late.descriptors, early.descriptors + 2);
  EXPECT_LE(late.resident_kib, early.resident_kib + 4096);
  EXPECT_EQ(Count(pod, "main", "start"), restarts + 1);
  EXPECT_EQ(Count(pod, "main", "term"), restarts);
  EXPECT_TRUE(WaitInstances(pod, "main", 2));
}

}  // namespace
}  // namespace rekindle
