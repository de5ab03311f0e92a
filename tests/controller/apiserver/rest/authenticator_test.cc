#include "controller/apiserver/rest/authenticator.h"

#include <sys/stat.h>

#include <filesystem>

#include <gmock/gmock.h>

#include "common/api/status.h"
#include "tests/fakes/temp_dir.h"
#include "tests/fakes/test_certs.h"

namespace rekindle::apiserver {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

void WriteTokens(const std::string& path, const std::string& text) {
  WriteFile(path + ".new", text);
  ::chmod((path + ".new").c_str(), 0600);
  std::filesystem::rename(path + ".new", path);
}

HttpRequest Asking(const std::map<std::string, std::string>& headers) {
  HttpRequest request;
  request.headers = headers;
  return request;
}

TEST(TokensTest, LinesOfTheFile) {
  const auto table = ParseTokens("# who\n\nt1,alice,1\nt2, bob , 2, \"g1, g2\"\n\"t,3\",c,3,g\n");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->size(), 3);
  EXPECT_EQ(table->at(TokenHash("t1")).name, "alice");
  EXPECT_THAT(table->at(TokenHash("t2")).groups, ElementsAre("g1", "g2"));
  EXPECT_EQ(table->at(TokenHash("t,3")).name, "c");
}

TEST(TokensTest, MistakesAreNamedWithoutTheToken) {
  for (const auto& [text, why] : std::vector<std::pair<std::string, std::string>>{
           {"secret\n", "line 1: must have"},
           {"\nsecret,a\n", "line 2: must have"},
           {"secret,a,b,c,d\n", "line 1: must have"},
           {",a,b\n", "line 1: the token is empty"},
           {"secret,,b\n", "line 1: the user is empty"},
           {"secret,a,b,\"c\n", "line 1: a quote"},
           {"secret,a,1\nsecret,b,2\n", "line 2: the token is there twice"}}) {
    const auto table = ParseTokens(text);
    EXPECT_EQ(table.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(table.status().message()), HasSubstr(why));
    EXPECT_THAT(std::string(table.status().message()), Not(HasSubstr("secret")));
  }
}

class AuthenticatorTest : public ::testing::Test {
 protected:
  AuthenticatorTest() {
    WriteTokens(path_, "t-alice,alice,1,dev\nt-root,root,2,system:masters\n");
    auto tokens = TokenFile::Open(path_);
    EXPECT_TRUE(tokens.ok()) << tokens.status();
    tokens_ = *std::move(tokens);
  }
  absl::StatusOr<User> Ask(const HttpRequest& request) {
    return Authenticate(request, tokens_.get());
  }
  int Code(const HttpRequest& request) {
    const auto error = api::FromStatus(Ask(request).status());
    return error.has_value() ? error->code : 0;
  }

  TempDir dir_;
  const std::string path_ = dir_ / "tokens";
  std::unique_ptr<TokenFile> tokens_;
};

TEST_F(AuthenticatorTest, Tokens) {
  const auto alice = Ask(Asking({{"authorization", "Bearer t-alice"}}));
  ASSERT_TRUE(alice.ok());
  EXPECT_EQ(alice->name, "alice");
  EXPECT_THAT(alice->groups, ElementsAre("dev", "system:authenticated"));
  EXPECT_EQ(Code(Asking({{"authorization", "Bearer t-nobody"}})), 401);
  EXPECT_EQ(Code(Asking({{"authorization", "Bearer "}})), 401);
  EXPECT_EQ(Code(Asking({{"authorization", "Basic dDpw"}})), 401);
  EXPECT_EQ(Authenticate(Asking({{"authorization", "Bearer t-alice"}}), nullptr).status().code(),
            absl::StatusCode::kUnauthenticated);
}

TEST_F(AuthenticatorTest, CertificatesAndNobody) {
  HttpRequest request;
  request.certificate = net::PeerName{"carol", {"ops", "dev"}};
  EXPECT_THAT(Ask(request)->groups, ElementsAre("ops", "dev", "system:authenticated"));
  HttpRequest untrusted;
  untrusted.certificate_untrusted = true;
  EXPECT_EQ(Code(untrusted), 401);
  untrusted.headers["authorization"] = "Bearer t-alice";
  EXPECT_EQ(Ask(untrusted)->name, "alice");
  const auto nobody = Ask(Asking({}));
  EXPECT_EQ(nobody->name, "system:anonymous");
  EXPECT_THAT(nobody->groups, ElementsAre("system:unauthenticated"));
}

TEST_F(AuthenticatorTest, ImpersonationIsForAdmins) {
  const auto as = Ask(Asking({{"authorization", "Bearer t-root"},
                              {"impersonate-user", "dave"},
                              {"impersonate-group", "a, b"}}));
  ASSERT_TRUE(as.ok()) << as.status();
  EXPECT_EQ(as->name, "dave");
  EXPECT_THAT(as->groups, ElementsAre("a", "b", "system:authenticated"));
  EXPECT_EQ(Code(Asking({{"authorization", "Bearer t-alice"}, {"impersonate-user", "root"}})), 403);
  EXPECT_EQ(Code(Asking({{"authorization", "Bearer t-root"}, {"impersonate-group", "a"}})), 400);
}

TEST_F(AuthenticatorTest, TheFileIsFollowed) {
  WriteTokens(path_, "t-new,alice,1\n");
  EXPECT_EQ(tokens_->Find("t-alice"), nullptr);
  ASSERT_NE(tokens_->Find("t-new"), nullptr);
  WriteTokens(path_, "broken\n");
  EXPECT_NE(tokens_->Find("t-new"), nullptr);
  std::filesystem::remove(path_);
  EXPECT_NE(tokens_->Find("t-new"), nullptr);
}

TEST_F(AuthenticatorTest, OthersMustNotReadTheFile) {
  ::chmod(path_.c_str(), 0644);
  EXPECT_EQ(TokenFile::Open(path_).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(TokenFile::Open(dir_ / "none").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace rekindle::apiserver
