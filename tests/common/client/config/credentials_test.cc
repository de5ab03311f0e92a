#include "common/client/config/credentials.h"

#include <sys/stat.h>

#include <optional>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/time.h"
#include "common/client/config/exec_credential.h"
#include "common/client/config/tls_source.h"
#include "common/json/tree.h"
#include "tests/fakes/sim_loop.h"
#include "tests/fakes/temp_dir.h"
#include "tests/fakes/test_certs.h"

namespace rekindle::client {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Work on the caller's thread; its end on the loop.
class InlineBlocking final : public Blocking {
 public:
  explicit InlineBlocking(Loop& loop) : loop_(loop) {}
  void Run(Work work, Done done) override {
    absl::Status result = work();
    loop_.Post([done = std::move(done), result]() mutable { done(result); });
  }

 private:
  Loop& loop_;
};

class CredentialsTest : public ::testing::Test {
 protected:
  CredentialsTest() {
    config_.cluster.server = "https://h:6443";
    config_.cluster_name = "c1";
    config_.user_name = "u1";
  }

  absl::Status Open() {
    auto made = MakeCredentialSource(loop_, blocking_, config_);
    if (!made.ok()) return made.status();
    source_ = *std::move(made);
    source_->OnTlsChange([this] { ++tls_changes_; });
    return absl::OkStatus();
  }
  absl::StatusOr<Credentials> Get() {
    std::optional<absl::StatusOr<Credentials>> got;
    source_->Get([&](absl::StatusOr<Credentials> result) { got = std::move(result); });
    loop_.Settle();
    EXPECT_TRUE(got.has_value());
    return got.has_value() ? *got : absl::UnknownError("none");
  }
  std::string Authorization() {
    const auto got = Get();
    if (!got.ok()) return std::string(got.status().message());
    for (const auto& [name, value] : got->headers) {
      if (name == "Authorization") return value;
    }
    return "";
  }
  // A program that counts its runs and prints `output`.
  void Plugin(const std::string& output, const std::string& before = "") {
    WriteFile(dir_ / "plugin", "#!/bin/sh\necho run >> " + (dir_ / "runs") +
                                   "\nprintf '%s' \"$KUBERNETES_EXEC_INFO\" > " + (dir_ / "info") +
                                   "\n" + before + "\ncat <<'END'\n" + output + "\nEND\n");
    chmod((dir_ / "plugin").c_str(), 0755);
    config_.user.exec = ExecPlugin{.api_version = "client.authentication.k8s.io/v1",
                                   .command = dir_ / "plugin",
                                   .interactive = ExecPlugin::Interactive::kNever};
  }
  static std::string Credential(const std::string& status,
                                const std::string& version = "client.authentication.k8s.io/v1") {
    return R"({"kind":"ExecCredential","apiVersion":")" + version + R"(","status":)" + status + "}";
  }
  size_t Runs() {
    std::ifstream in(dir_ / "runs");
    return static_cast<size_t>(std::count(std::istreambuf_iterator<char>(in), {}, '\n'));
  }

  SimLoop loop_;
  InlineBlocking blocking_{loop_};
  TempDir dir_;
  ClientConfig config_;
  std::unique_ptr<CredentialSource> source_;
  int tls_changes_ = 0;
};

TEST_F(CredentialsTest, TokensPasswordsAndImpersonation) {
  config_.user.token = "t";
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Authorization(), "Bearer t");
  config_.user = {.username = "u",
                  .password = "p",
                  .as = "alice",
                  .as_uid = "7",
                  .as_groups = {"g1", "g2"},
                  .as_extra = {{"scopes", "x"}}};
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Authorization(), "Basic dTpw");
  const auto headers = Get()->headers;
  EXPECT_THAT(headers,
              ::testing::ElementsAre(
                  Header("Authorization", "Basic dTpw"), Header("Impersonate-User", "alice"),
                  Header("Impersonate-Uid", "7"), Header("Impersonate-Group", "g1"),
                  Header("Impersonate-Group", "g2"), Header("Impersonate-Extra-scopes", "x")));
}

// Spec kubernetes-api 11.4: kubectl does the same.
TEST_F(CredentialsTest, NothingIsSaidOverPlainHttp) {
  config_.cluster.server = "http://h:8080";
  config_.user.token = "t";
  Plugin(Credential(R"({"token":"x"})"));
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Authorization(), "");
  EXPECT_EQ(Runs(), 0U);
}

TEST_F(CredentialsTest, TokenFilesAreFollowed) {
  config_.user.token_file = dir_ / "token";
  EXPECT_THAT(std::string(Open().message()), HasSubstr(dir_ / "token"));
  WriteFile(dir_ / "token", "  \n");
  EXPECT_THAT(std::string(Open().message()), HasSubstr("holds no token"));
  WriteFile(dir_ / "token", " one\n");
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Authorization(), "Bearer one");
  WriteFile(dir_ / "token", "two");
  loop_.Advance(absl::Seconds(49));
  EXPECT_EQ(Authorization(), "Bearer one");
  loop_.Advance(absl::Seconds(2));
  EXPECT_EQ(Authorization(), "Bearer two");
  // A file that is away for a moment.
  std::filesystem::remove(dir_ / "token");
  loop_.Advance(absl::Minutes(10));
  EXPECT_EQ(Authorization(), "Bearer two");
  // Refused: read at once.
  WriteFile(dir_ / "token", "three");
  const uint64_t generation = Get()->generation;
  source_->Rejected(generation);
  EXPECT_EQ(Authorization(), "Bearer three");
  // A rejection of what was in force before changes nothing.
  WriteFile(dir_ / "token", "four");
  source_->Rejected(generation);
  EXPECT_EQ(Authorization(), "Bearer three");
}

TEST_F(CredentialsTest, AuthoritiesThatCannotBeReadAreFatal) {
  config_.cluster.authority.path = dir_ / "ca.pem";
  EXPECT_THAT(std::string(Open().message()), StartsWith("unable to read certificate-authority " +
                                                        (dir_ / "ca.pem") + " for c1 due to "));
  WriteFile(dir_ / "ca.pem", "nonsense");
  EXPECT_THAT(std::string(Open().message()), HasSubstr("no certificate in PEM form"));
}

// Scenario 47.
TEST_F(CredentialsTest, CertificatesAreFollowed) {
  TestCa ca;
  const PemPair first = ca.Issue({.cn = "first"});
  const PemPair second = ca.Issue({.cn = "second"});
  WriteFile(dir_ / "ca.pem", ca.pem());
  WriteFile(dir_ / "c.pem", first.certificate);
  WriteFile(dir_ / "k.pem", second.key);
  config_.cluster.authority.path = dir_ / "ca.pem";
  config_.user.certificate.path = dir_ / "c.pem";
  config_.user.key.path = dir_ / "k.pem";
  EXPECT_THAT(std::string(Open().message()), HasSubstr("the key is not the certificate's"));
  WriteFile(dir_ / "k.pem", first.key);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Get()->tls->certificate, first.certificate);
  // One by one: until both fit the old pair counts.
  WriteFile(dir_ / "c.pem", second.certificate);
  loop_.Advance(absl::Minutes(3));
  EXPECT_EQ(Get()->tls->certificate, first.certificate);
  EXPECT_EQ(tls_changes_, 0);
  WriteFile(dir_ / "k.pem", second.key);
  // Noticed without a request, within five minutes.
  loop_.Advance(absl::Minutes(2));
  EXPECT_EQ(tls_changes_, 1);
  EXPECT_EQ(Get()->tls->certificate, second.certificate);
}

TEST_F(CredentialsTest, InlineDataWins) {
  TestCa ca;
  const PemPair pair = ca.Issue({.cn = "x"});
  config_.cluster.authority = {ca.pem(), "/does/not/exist"};
  config_.user.certificate.data = pair.certificate;
  config_.user.key.data = pair.key;
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Get()->tls->ca, ca.pem());
  EXPECT_EQ(Get()->tls->key, pair.key);
}

// Scenario 49.
TEST_F(CredentialsTest, PluginsRunAgainWhenTheirCredentialExpires) {
  Plugin(Credential(R"({"token":"t1","expirationTimestamp":")" +
                    api::FormatTime(loop_.Now() + absl::Seconds(5)) + R"("})"));
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Runs(), 0U);  // not before it is needed
  EXPECT_EQ(Authorization(), "Bearer t1");
  EXPECT_EQ(Authorization(), "Bearer t1");
  EXPECT_EQ(Runs(), 1U);
  loop_.Advance(absl::Seconds(6));
  Plugin(Credential(R"({"token":"t2"})"));
  EXPECT_EQ(Authorization(), "Bearer t2");
  EXPECT_EQ(Runs(), 2U);
  // Without a time until it is refused.
  loop_.Advance(absl::Hours(100));
  EXPECT_EQ(Authorization(), "Bearer t2");
  EXPECT_EQ(Runs(), 2U);
  source_->Rejected(Get()->generation);
  EXPECT_EQ(Authorization(), "Bearer t2");
  EXPECT_EQ(Runs(), 3U);
}

TEST_F(CredentialsTest, PluginsAreToldOfTheCluster) {
  Plugin(Credential(R"({"token":"t"})"));
  config_.user.exec->provide_cluster_info = true;
  config_.cluster.tls_server_name = "n";
  config_.cluster.exec_config = R"({"audience":"foo"})";
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Authorization(), "Bearer t");
  std::ifstream in(dir_ / "info");
  const auto info = json::Parse(std::string{std::istreambuf_iterator<char>(in), {}});
  ASSERT_TRUE(info.ok());
  EXPECT_EQ((*info)["kind"], "ExecCredential");
  EXPECT_EQ((*info)["spec"]["interactive"], false);
  EXPECT_EQ((*info)["spec"]["cluster"]["server"], "https://h:6443");
  EXPECT_EQ((*info)["spec"]["cluster"]["config"]["audience"], "foo");
}

TEST_F(CredentialsTest, PluginsMayGiveCertificates) {
  TestCa ca;
  const PemPair pair = ca.Issue({.cn = "x"});
  const auto status = [](const PemPair& p) {
    return json::Dump({{"clientCertificateData", p.certificate}, {"clientKeyData", p.key}});
  };
  Plugin(Credential(status(pair)));
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Get()->tls->certificate, pair.certificate);
  EXPECT_EQ(tls_changes_, 0);
  const PemPair other = ca.Issue({.cn = "y"});
  Plugin(Credential(status(other)));
  source_->Rejected(Get()->generation);
  EXPECT_EQ(Get()->tls->certificate, other.certificate);
  EXPECT_EQ(tls_changes_, 1);
  Plugin(Credential(status({pair.certificate, other.key})));
  source_->Rejected(Get()->generation);
  EXPECT_THAT(Authorization(), HasSubstr("the key is not the certificate's"));
}

// Scenario 48.
TEST_F(CredentialsTest, PluginMistakes) {
  const struct {
    std::string output;
    const char* want;
  } kRows[] = {
      {Credential("{}", "client.authentication.k8s.io/v1beta1"),
       "exec plugin is configured to use API version client.authentication.k8s.io/v1, plugin "
       "returned "
       "version client.authentication.k8s.io/v1beta1"},
      {R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1"})",
       "exec plugin didn't return a status field"},
      {Credential(R"({"clientCertificateData":"x"})"),
       "exec plugin returned only certificate or key, not both"},
      {Credential("{}"), "exec plugin didn't return a token or cert/key pair"},
      {Credential(R"({"token":"t","expirationTimestamp":"soon"})"), "expirationTimestamp"},
      {"not json", "not valid JSON"},
      {R"({"kind":"Other"})", "kind is \"Other\""},
  };
  for (const auto& row : kRows) {
    Plugin(row.output);
    ASSERT_TRUE(Open().ok());
    EXPECT_THAT(Authorization(), HasSubstr(row.want));
  }
  Plugin("", "exit 3");
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Authorization(), AllOf(StartsWith("exec: "), HasSubstr("code 3")));
  config_.user.exec->command = dir_ / "absent";
  config_.user.exec->install_hint = "apt-get install it";
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Authorization(), AllOf(StartsWith("exec: "), HasSubstr("apt-get install it")));
  config_.user.exec->interactive = ExecPlugin::Interactive::kAlways;
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Authorization(), HasSubstr("needs a terminal"));
}

}  // namespace
}  // namespace rekindle::client
