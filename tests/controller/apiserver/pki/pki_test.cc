#include "controller/apiserver/pki/pki.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tests/fakes/temp_dir.h"

namespace rekindle::apiserver {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'900'000'000);

std::string ReadText(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using Certificate = std::unique_ptr<X509, FreeCertificate>;

Certificate Parse(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  Certificate certificate(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr));
  BIO_free(bio);
  return certificate;
}

// What a client or server would say of the certificate at this moment.
int Verify(const std::string& pem, const std::string& authority, int purpose, absl::Time at,
           const std::string& host = "") {
  const Certificate certificate = Parse(pem);
  const Certificate issuer = Parse(authority);
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, issuer.get());
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, certificate.get(), nullptr);
  X509_STORE_CTX_set_purpose(context, purpose);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_time(parameters, absl::ToTimeT(at));
  if (!host.empty() && X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) != 1) {
    X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size());
  }
  X509_verify_cert(context);
  const int error = X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  return error;
}

class PkiTest : public ::testing::Test {
 protected:
  ServerPki Ensure(const std::vector<std::string>& names, absl::Time now = kNow) {
    auto pki = EnsureServerPki(directory_, names, now);
    EXPECT_TRUE(pki.ok()) << pki.status();
    return *std::move(pki);
  }

  TempDir dir_;
  const std::string directory_ = dir_ / "pki";
};

TEST_F(PkiTest, MakesAnAuthorityAndACertificateThatClientsAccept) {
  const ServerPki pki = Ensure({"localhost", "127.0.0.1", "::1", "node-1.example"});
  const std::string& ca = pki.authority.certificate;
  const std::string& server = pki.server.certificate;
  for (const char* host : {"localhost", "127.0.0.1", "::1", "node-1.example"}) {
    EXPECT_EQ(Verify(server, ca, X509_PURPOSE_SSL_SERVER, kNow, host), X509_V_OK) << host;
  }
  EXPECT_NE(Verify(server, ca, X509_PURPOSE_SSL_SERVER, kNow, "other"), X509_V_OK);
  EXPECT_NE(Verify(server, ca, X509_PURPOSE_SSL_CLIENT, kNow), X509_V_OK);
  EXPECT_NE(Verify(server, ca, X509_PURPOSE_SSL_SERVER, kNow + absl::Hours(24 * 400)), X509_V_OK);
  for (const char* name : {"ca.key", "server.key"}) {
    struct stat info {};
    ASSERT_EQ(::stat((directory_ + "/" + name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600) << name;
  }
}

TEST_F(PkiTest, IsUsedAgain) {
  const ServerPki first = Ensure({"localhost", "127.0.0.1"});
  const ServerPki second = Ensure({"127.0.0.1"});
  EXPECT_EQ(first.authority.certificate, second.authority.certificate);
  EXPECT_EQ(first.server.certificate, second.server.certificate);
}

TEST_F(PkiTest, ANewNameOrANearEndMakesANewCertificate) {
  const ServerPki first = Ensure({"localhost"});
  const ServerPki named = Ensure({"localhost", "10.0.0.1"});
  EXPECT_NE(first.server.certificate, named.server.certificate);
  EXPECT_EQ(first.authority.certificate, named.authority.certificate);
  const absl::Time late = kNow + kCertificateLife - absl::Hours(24 * 29);
  const ServerPki renewed = Ensure({"localhost", "10.0.0.1"}, late);
  EXPECT_NE(named.server.certificate, renewed.server.certificate);
  EXPECT_EQ(Verify(renewed.server.certificate, renewed.authority.certificate,
                   X509_PURPOSE_SSL_SERVER, late + absl::Hours(24 * 300), "10.0.0.1"),
            X509_V_OK);
}

TEST_F(PkiTest, DamagedFilesAreMadeAnewOrNamed) {
  const ServerPki first = Ensure({"localhost"});
  std::ofstream(directory_ + "/server.key", std::ios::trunc) << "nothing";
  const ServerPki second = Ensure({"localhost"});
  EXPECT_NE(first.server.key, second.server.key);
  std::ofstream(directory_ + "/ca.key", std::ios::trunc) << first.server.key;
  const auto broken = EnsureServerPki(directory_, {"localhost"}, kNow);
  EXPECT_EQ(broken.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(broken.status().message()), HasSubstr("ca.key"));
}

TEST_F(PkiTest, AnAuthorityThatHasEndedIsRefused) {
  Ensure({"localhost"});
  const auto ended =
      EnsureServerPki(directory_, {"localhost"}, kNow + kAuthorityLife + absl::Hours(1));
  EXPECT_EQ(ended.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(ended.status().message()), HasSubstr("has expired"));
}

TEST_F(PkiTest, ClientCertificates) {
  const ServerPki pki = Ensure({"localhost"});
  const auto client =
      Issue(pki.authority, {.common_name = "jos\xc3\xa9", .organizations = {"a", "b, c"}}, kNow,
            absl::Hours(1));
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_EQ(Verify(client->certificate, pki.authority.certificate, X509_PURPOSE_SSL_CLIENT, kNow),
            X509_V_OK);
  EXPECT_NE(Verify(client->certificate, pki.authority.certificate, X509_PURPOSE_SSL_SERVER, kNow),
            X509_V_OK);
  for (const std::string& name : {std::string(), std::string(65, 'x')}) {
    EXPECT_EQ(Issue(pki.authority, {.common_name = name}, kNow, absl::Hours(1)).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(Issue(pki.authority, {.common_name = "x", .names = {"a,DNS:b"}}, kNow, absl::Hours(1))
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(PkiTest, TheAdminsKubeconfig) {
  const ServerPki pki = Ensure({"localhost"});
  const std::string path = dir_ / "admin.kubeconfig";
  const std::string url = "https://localhost:6443";
  ASSERT_TRUE(EnsureAdminKubeconfig(path, url, pki.authority, kNow).ok());
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600);
  const std::string first = ReadText(path);
  EXPECT_THAT(first, HasSubstr("server: https://localhost:6443\n"));
  ASSERT_TRUE(EnsureAdminKubeconfig(path, url, pki.authority, kNow + absl::Hours(1)).ok());
  EXPECT_EQ(ReadText(path), first);
  // Another port, a near end, another authority.
  ASSERT_TRUE(EnsureAdminKubeconfig(path, "https://localhost:7", pki.authority, kNow).ok());
  const std::string moved = ReadText(path);
  EXPECT_NE(moved, first);
  ASSERT_TRUE(
      EnsureAdminKubeconfig(path, "https://localhost:7", pki.authority, kNow + kCertificateLife)
          .ok());
  EXPECT_NE(ReadText(path), moved);
  const auto other = MakeAuthority("other", kNow);
  ASSERT_TRUE(other.ok());
  const std::string before = ReadText(path);
  ASSERT_TRUE(EnsureAdminKubeconfig(path, "https://localhost:7", *other, kNow).ok());
  EXPECT_NE(ReadText(path), before);
}

TEST_F(PkiTest, LooksAtCertificatesAndKeys) {
  const KeyPair authority = *MakeAuthority("a", kNow);
  const KeyPair other = *MakeAuthority("a", kNow);
  const KeyPair server =
      *Issue(authority, {.common_name = "s", .names = {"s.svc"}}, kNow, absl::Hours(2));
  const auto life = ValidityOf(server.certificate);
  ASSERT_TRUE(life.ok()) << life.status();
  EXPECT_EQ(life->end, kNow + absl::Hours(2));
  EXPECT_LT(life->begin, kNow);
  EXPECT_EQ(ValidityOf("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(KeyFits(server));
  EXPECT_FALSE(KeyFits({server.certificate, authority.key}));
  EXPECT_FALSE(KeyFits({server.certificate, "no key"}));
  EXPECT_FALSE(KeyFits({"no certificate", server.key}));
  EXPECT_TRUE(SignedBy(server.certificate, authority.certificate));
  EXPECT_FALSE(SignedBy(server.certificate, other.certificate));
  EXPECT_FALSE(SignedBy("", authority.certificate));
}

}  // namespace
}  // namespace rekindle::apiserver
