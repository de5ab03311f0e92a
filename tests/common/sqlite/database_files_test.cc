#include "common/sqlite/database_files.h"

#include <errno.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/temp_dir.h"

namespace rekindle {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const DirectoryLock::Names kNames = {
    .file = "cellar.lock", .what = "data directory", .owner = "cook"};

fs::perms ModeOf(const std::string& path) { return fs::status(path).permissions(); }

void Write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

TEST(DatabaseFilesTest, ErrorsSayWhetherTheDiskIsFull) {
  for (const int full : {ENOSPC, EDQUOT, EFBIG}) {
    errno = full;
    EXPECT_EQ(DiskError("write x").code(), absl::StatusCode::kResourceExhausted) << full;
  }
  errno = EACCES;
  const absl::Status denied = DiskError("write x");
  EXPECT_EQ(denied.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(denied.message(), "write x: Permission denied");
}

TEST(DatabaseFilesTest, OneAtATimeHasTheDirectory) {
  const TempDir dir;
  const std::string directory = dir / "cellar";
  auto first = DirectoryLock::Take(directory, kNames);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(ModeOf(directory), fs::perms::owner_all);
  const auto second = DirectoryLock::Take(directory, kNames);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(second.status().message(),
            "data directory " + directory + " is in use by another cook (cellar.lock is held)");
  first->reset();
  EXPECT_TRUE(DirectoryLock::Take(directory, kNames).ok());
}

TEST(DatabaseFilesTest, DirectoryIsMadeInWhatIsThere) {
  const TempDir dir;
  const auto lock = DirectoryLock::Take(dir / "none/cellar", kNames);
  EXPECT_EQ(lock.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(lock.status().message()), HasSubstr("make "));
}

TEST(DatabaseFilesTest, NewFileIsEmptyAndPrivate) {
  const TempDir dir;
  const std::string file = dir / "db";
  const auto size = MakePrivateFile(dir.path(), file);
  ASSERT_TRUE(size.ok()) << size.status();
  EXPECT_EQ(*size, 0);
  EXPECT_EQ(ModeOf(file), fs::perms::owner_read | fs::perms::owner_write);
}

TEST(DatabaseFilesTest, FileThatIsThereKeepsItsContentAndBecomesPrivate) {
  const TempDir dir;
  const std::string file = dir / "db";
  Write(file, "kept");
  fs::permissions(file, fs::perms::owner_all | fs::perms::others_read);
  const auto size = MakePrivateFile(dir.path(), file);
  ASSERT_TRUE(size.ok()) << size.status();
  EXPECT_EQ(*size, 4);
  EXPECT_EQ(fs::file_size(file), 4U);
  EXPECT_EQ(ModeOf(file), fs::perms::owner_read | fs::perms::owner_write);
}

TEST(DatabaseFilesTest, OnlyRegularFilesAreTaken) {
  const TempDir dir;
  fs::create_directory(fs::path(dir / "folder"));
  Write(dir / "elsewhere", "x");
  fs::create_symlink(fs::path(dir / "elsewhere"), fs::path(dir / "link"));
  for (const char* name : {"folder", "link"}) {
    const auto size = MakePrivateFile(dir.path(), dir / name);
    EXPECT_EQ(size.status().code(), absl::StatusCode::kUnavailable) << name;
    EXPECT_THAT(std::string(size.status().message()), HasSubstr("not a regular file"));
  }
}

TEST(DatabaseFilesTest, SyncsWhatIsThere) {
  const TempDir dir;
  Write(dir / "db", "x");
  EXPECT_TRUE(SyncDirectory(dir.path()).ok());
  EXPECT_TRUE(SyncFile(dir / "db").ok());
  EXPECT_EQ(SyncDirectory(dir / "none").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(SyncDirectory(dir / "db").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(SyncFile(dir / "none").code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace rekindle
