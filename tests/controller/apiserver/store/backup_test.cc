#include "controller/apiserver/store/backup.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/controller/apiserver/store/store_testing.h"

namespace rekindle::apiserver {
namespace {

using ::testing::ElementsAre;

class BackupTest : public StoreFixture {
 protected:
  std::string data() { return dir_ / "data"; }
};

TEST_F(BackupTest, OfARunningStore) {
  Open();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(Put(Pod(absl::StrCat("p", 100 + i)), "1").ok());
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) ASSERT_TRUE(Put(Pod(absl::StrCat("q", i)), "1").ok());
  });
  const auto backup = BackupStore(data(), dir_ / "copy");
  stop = true;
  writer.join();
  ASSERT_TRUE(backup.ok()) << backup.status();
  EXPECT_GE(backup->objects, 50);
  EXPECT_EQ(backup->revision, backup->objects + 1);
  struct stat info {};
  ASSERT_EQ(::stat((dir_ / "copy").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600);
  EXPECT_EQ(info.st_size, backup->bytes);
  for (const char* left : {"copy-wal", "copy.unfinished", "copy.unfinished-wal"}) {
    EXPECT_FALSE(std::filesystem::exists(dir_ / left)) << left;
  }
  EXPECT_EQ(BackupStore(data(), dir_ / "copy").status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(BackupStore(dir_ / "nothing", dir_ / "copy2").status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(BackupTest, ARestoreGoesBackInObjectsAndForwardInRevisions) {
  Open();
  ASSERT_TRUE(Put(Pod("a"), "1").ok());
  ASSERT_TRUE(Put(Pod("a"), "2", 2).ok());
  ASSERT_TRUE(Put(Pod("gone"), "1").ok());
  ASSERT_TRUE(Remove(Pod("gone"), 4).ok());
  ASSERT_TRUE(BackupStore(data(), dir_ / "copy").ok());
  ASSERT_TRUE(Put(Pod("a"), "3", 3).ok());
  ASSERT_TRUE(Put(Pod("b"), "1").ok());
  const Revision before = store_->revision();
  EXPECT_EQ(RestoreStore(dir_ / "copy", data()).status().code(),
            absl::StatusCode::kFailedPrecondition);  // the server runs
  store_.reset();
  const auto restored = RestoreStore(dir_ / "copy", data());
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->objects, 1);
  Open();
  EXPECT_EQ(store_->revision(), restored->revision);
  EXPECT_GT(store_->revision(), before);
  EXPECT_THAT(Listed({.resource = "pods"}), ElementsAre("ns/a=2"));
  EXPECT_EQ(store_->Get(Pod("a"))->revision, 3);
  auto recorder = std::make_shared<Recorder>();
  EXPECT_EQ(store_->Watch("pods", "", before, recorder).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(store_->List({.resource = "pods", .revision = before}).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(*Put(Pod("a"), "4", 3), restored->revision + 1);
  // What was there is kept, whole.
  std::filesystem::create_directory(dir_ / "old");
  std::filesystem::rename(dir_ / "data/store.db.before-restore", dir_ / "old/store.db");
  SqliteStore::Options options;
  options.directory = dir_ / "old";
  store_.reset();
  auto old = SqliteStore::Open(options);
  ASSERT_TRUE(old.ok()) << old.status();
  EXPECT_EQ((*old)->revision(), before);
}

TEST_F(BackupTest, IntoAnEmptyDirectoryAndOverADamagedStore) {
  Open();
  ASSERT_TRUE(Put(Pod("a"), "1").ok());
  ASSERT_TRUE(BackupStore(data(), dir_ / "copy").ok());
  store_.reset();
  ASSERT_TRUE(RestoreStore(dir_ / "copy", dir_ / "fresh").ok());
  std::ofstream(dir_ / "data/store.db", std::ios::trunc) << std::string(5000, 'x');
  ASSERT_TRUE(RestoreStore(dir_ / "copy", data()).ok());
  Open();
  EXPECT_THAT(Listed({.resource = "pods"}), ElementsAre("ns/a=1"));
}

TEST_F(BackupTest, RefusesWhatIsNoBackup) {
  Open();
  store_.reset();
  std::ofstream(dir_ / "text") << std::string(5000, 'x');
  EXPECT_EQ(RestoreStore(dir_ / "text", data()).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(RestoreStore(dir_ / "nothing", data()).status().code(), absl::StatusCode::kNotFound);
  Open();
  EXPECT_EQ(store_->revision(), 1);  // untouched
}

}  // namespace
}  // namespace rekindle::apiserver
