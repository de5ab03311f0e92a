#include "daemon/kubelet/log_link.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/temp_dir.h"

namespace rekindle::kubelet {
namespace {

namespace fs = std::filesystem;

TEST(LogLinkTest, TheNameThatLogCollectorsParse) {
  EXPECT_EQ(LogLinkName("web-0", "shop", "main", std::string(64, 'a')),
            "web-0_shop_main-" + std::string(64, 'a') + ".log");
}

TEST(LogLinkTest, AFileNameHasAtMost255Bytes) {
  const std::string name =
      LogLinkName(std::string(200, 'p'), "shop", std::string(40, 'c'), std::string(64, 'a'));
  EXPECT_EQ(name.size(), 255u);
  EXPECT_EQ(name.substr(251), ".log");
  // One byte less than the bound stays whole.
  const std::string fits = LogLinkName(std::string(253 - 1 - 4 - 1 - 4 - 1 - 64 + 0, 'p'), "shop",
                                       "main", std::string(64, 'a'));
  EXPECT_LE(fits.size(), 255u);
}

class LogLinkFileTest : public testing::Test {
 protected:
  TempDir dir_;
};

TEST_F(LogLinkFileTest, ALinkIsMadeAndReplaced) {
  const std::string path = dir_.path() + "/x.log";
  ASSERT_TRUE(MakeLogLink(dir_.path(), "x.log", "/var/log/pods/p/main/1.log").ok());
  EXPECT_EQ(fs::read_symlink(path), "/var/log/pods/p/main/1.log");
  ASSERT_TRUE(MakeLogLink(dir_.path(), "x.log", "/var/log/pods/p/main/2.log").ok());
  EXPECT_EQ(fs::read_symlink(path), "/var/log/pods/p/main/2.log");
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_.path()), fs::directory_iterator()), 1);
}

TEST_F(LogLinkFileTest, WithoutTheDirectoryNothingIsMade) {
  EXPECT_TRUE(MakeLogLink(dir_.path() + "/none", "x.log", "/t").ok());
  EXPECT_TRUE(MakeLogLink("", "x.log", "/t").ok());
  EXPECT_FALSE(fs::exists(dir_.path() + "/none"));
}

TEST_F(LogLinkFileTest, WhatIsNoLinkStays) {
  std::ofstream(dir_.path() + "/x.log") << "a file";
  const absl::Status made = MakeLogLink(dir_.path(), "x.log", "/t");
  EXPECT_EQ(made.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(made.message()), testing::HasSubstr("x.log"));
  EXPECT_TRUE(fs::is_regular_file(dir_.path() + "/x.log"));
}

}  // namespace
}  // namespace rekindle::kubelet
