#include "common/net/tls_files.h"

#include <sys/stat.h>

#include <gmock/gmock.h>

#include "tests/fakes/temp_dir.h"
#include "tests/fakes/test_certs.h"

namespace rekindle::net {
namespace {

using ::testing::HasSubstr;

class TlsFilesTest : public ::testing::Test {
 protected:
  TlsFilesTest() { Install(ca_.Issue({.cn = "a"})); }

  void Install(const PemPair& pair) {
    WriteFile(paths_.certificate, pair.certificate);
    WriteFile(paths_.key, pair.key);
    WriteFile(paths_.ca, ca_.pem());
  }

  absl::Status LoadError() { return LoadTlsMaterial(paths_).status(); }

  TempDir dir_;
  TestCa ca_;
  TlsPaths paths_{.certificate = dir_ / "tls.crt", .key = dir_ / "tls.key", .ca = dir_ / "ca.crt"};
};

TEST_F(TlsFilesTest, LoadsAMatchingSet) {
  const auto material = LoadTlsMaterial(paths_);
  ASSERT_TRUE(material.ok()) << material.status();
  EXPECT_GT(material->not_after, absl::Now() + absl::Minutes(50));
  EXPECT_LT(material->not_after, absl::Now() + absl::Minutes(70));
}

TEST_F(TlsFilesTest, ErrorsNameTheFile) {
  WriteFile(paths_.ca, "nothing");
  EXPECT_EQ(LoadError().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(LoadError().message()), HasSubstr("ca.crt: holds no certificate"));
  WriteFile(paths_.key, ca_.Issue({.cn = "b"}).key);
  WriteFile(paths_.ca, ca_.pem());
  EXPECT_THAT(std::string(LoadError().message()), HasSubstr("tls.key: is not the key"));
  WriteFile(paths_.key, "");
  EXPECT_THAT(std::string(LoadError().message()), HasSubstr("tls.key: holds no private key"));
  std::filesystem::remove(paths_.certificate);
  EXPECT_EQ(LoadError().code(), absl::StatusCode::kNotFound);
  std::filesystem::create_directory(paths_.certificate);
  EXPECT_EQ(LoadError().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(TlsFilesTest, KeepsTheOldSetUntilTheNewOneFits) {
  auto files = TlsFiles::Open(paths_);
  ASSERT_TRUE(files.ok());
  const auto first = (*files)->Refresh();
  EXPECT_EQ((*files)->Refresh(), first);
  const PemPair next = ca_.Issue({.cn = "a much longer name, so that the size differs"});
  WriteFile(paths_.certificate, next.certificate);
  EXPECT_EQ((*files)->Refresh(), first);
  EXPECT_FALSE((*files)->last_error().ok());
  WriteFile(paths_.key + ".new", next.key);
  std::filesystem::rename(paths_.key + ".new", paths_.key);
  const auto second = (*files)->Refresh();
  EXPECT_NE(second, first);
  EXPECT_EQ(second->key_pem, next.key);
  EXPECT_TRUE((*files)->last_error().ok());
}

// A Secret volume: the names are links through `..data`, which the kubelet points at a new folder
// in one step before it removes the old one.
TEST_F(TlsFilesTest, FollowsASecretVolume) {
  const auto install = [&](const std::string& folder, const PemPair& pair) {
    std::filesystem::create_directory(dir_ / folder);
    WriteFile(dir_ / (folder + "/tls.crt"), pair.certificate);
    WriteFile(dir_ / (folder + "/tls.key"), pair.key);
    WriteFile(dir_ / (folder + "/ca.crt"), ca_.pem());
    std::filesystem::create_symlink(folder, dir_ / "..data_tmp");
    std::filesystem::rename(dir_ / "..data_tmp", dir_ / "..data");
  };
  install("..first", ca_.Issue({.cn = "a"}));
  for (const std::string& path : {paths_.certificate, paths_.key, paths_.ca}) {
    std::filesystem::remove(path);
    std::filesystem::create_symlink("..data/" + std::filesystem::path(path).filename().string(),
                                    path);
  }
  auto files = TlsFiles::Open(paths_);
  ASSERT_TRUE(files.ok()) << files.status();
  const auto first = (*files)->Refresh();
  EXPECT_EQ((*files)->Refresh(), first);
  const PemPair next = ca_.Issue({.cn = "b"});
  install("..second", next);
  std::filesystem::remove_all(dir_ / "..first");
  const auto second = (*files)->Refresh();
  EXPECT_NE(second, first);
  EXPECT_EQ(second->key_pem, next.key);
  EXPECT_TRUE((*files)->last_error().ok());
}

TEST_F(TlsFilesTest, SurvivesFilesThatDisappear) {
  auto files = TlsFiles::Open(paths_);
  ASSERT_TRUE(files.ok());
  const auto first = (*files)->Refresh();
  std::filesystem::remove(paths_.certificate);
  EXPECT_EQ((*files)->Refresh(), first);
  EXPECT_EQ((*files)->last_error().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace rekindle::net
