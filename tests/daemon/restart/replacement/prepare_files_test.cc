#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/restart/replacement/replacement.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle::restart {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class PrepareFilesTest : public ::testing::Test {
 protected:
  const TempDir temporary_;
  const fs::path dir_ = temporary_.path();
};

TEST_F(PrepareFilesTest, MakesAnEmptyFileThatAnyUserMayWrite) {
  fs::create_directory(dir_ / "source");
  Replacement replacement;
  replacement.mount_sources = {(dir_ / "source").string(), "/dev/null"};
  replacement.termination_file = (dir_ / "0123abcd").string();
  const mode_t before = ::umask(0077);
  const absl::Status status = PrepareFiles(replacement);
  ::umask(before);
  ASSERT_TRUE(status.ok()) << status;
  struct stat info {};
  ASSERT_EQ(::stat(replacement.termination_file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0666u);
  EXPECT_EQ(info.st_size, 0);
}

TEST_F(PrepareFilesTest, EmptiesWhatAFailedTryLeft) {
  Replacement replacement;
  replacement.termination_file = (dir_ / "file").string();
  std::ofstream(replacement.termination_file) << "old words";
  ASSERT_TRUE(PrepareFiles(replacement).ok());
  EXPECT_EQ(fs::file_size(replacement.termination_file), 0u);
}

TEST_F(PrepareFilesTest, VanishedSourceIsNamedAndNothingIsMade) {
  Replacement replacement;
  replacement.mount_sources = {dir_.string(), (dir_ / "gone").string()};
  replacement.termination_file = (dir_ / "file").string();
  const absl::Status status = PrepareFiles(replacement);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr((dir_ / "gone").string()));
  EXPECT_TRUE(fs::is_empty(dir_));
}

TEST_F(PrepareFilesTest, SourcesThatCannotBeSeenAreTrusted) {
  fs::create_directory(dir_ / "pods");
  const std::vector<std::string> visible = {(dir_ / "other").string(), (dir_ / "pods/").string()};
  Replacement replacement;
  replacement.mount_sources = {(dir_ / "gone").string(), (dir_ / "podsgone").string(),
                               (dir_ / "pods").string()};
  EXPECT_TRUE(PrepareFiles(replacement, visible).ok());
  replacement.mount_sources.push_back((dir_ / "pods" / "gone").string());
  const absl::Status status = PrepareFiles(replacement, visible);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr((dir_ / "pods" / "gone").string()));
  replacement.mount_sources = {(dir_ / "gone").string()};
  EXPECT_FALSE(PrepareFiles(replacement, {"/"}).ok());
}

TEST_F(PrepareFilesTest, DanglingLinkIsAVanishedSource) {
  fs::create_symlink(dir_ / "nowhere", dir_ / "link");
  Replacement replacement;
  replacement.mount_sources = {(dir_ / "link").string()};
  EXPECT_EQ(PrepareFiles(replacement).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(PrepareFilesTest, NeitherFollowsLinksNorTouchesOtherThings) {
  std::ofstream(dir_ / "precious") << "words";
  fs::create_symlink(dir_ / "precious", dir_ / "link");
  ASSERT_EQ(::mkfifo((dir_ / "fifo").c_str(), 0600), 0);
  for (const char* name : {"link", "fifo", "missing-folder/file", "."}) {
    Replacement replacement;
    replacement.termination_file = (dir_ / name).string();
    const absl::Status status = PrepareFiles(replacement);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr(replacement.termination_file));
  }
  EXPECT_EQ(fs::file_size(dir_ / "precious"), 5u);
}

}  // namespace
}  // namespace rekindle::restart
