// One session of the real kubectl against a real kube-apiserver and the embedded server, side by
// side: kubectl/session.txt, with the kubectl of that Kubernetes and with a current one.
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include <gtest/gtest.h>

#include "common/base/status_macros.h"
#include "controller/app/embedded_server.h"
#include "tests/bed/process.h"
#include "tests/conformance/control_plane.h"
#include "tests/conformance/kubectl_session.h"
#include "tests/fakes/temp_dir.h"
#include "tests/kube/cluster.h"

namespace rekindle::conformance {
namespace {

constexpr absl::Duration kCommand = absl::Minutes(3);

struct Answer {
  bool succeeded = false;
  std::string output;
};

// Somebody at a terminal with a kubeconfig.
class Terminal {
 public:
  // `kubectl`: the directory that has it.
  Terminal(std::string kubectl, std::string kubeconfig)
      : kubectl_(std::move(kubectl)), kubeconfig_(std::move(kubeconfig)) {}

  Answer Run(const std::string& command) const {
    // The last line is the exit code: RunCommand keeps little of the output of what fails.
    const auto output = bed::RunCommand(
        {"env", "-C", REKINDLE_KUBECTL_SESSION, "PATH=" + kubectl_ + ":/usr/bin:/bin",
         "KUBECONFIG=" + kubeconfig_, "HOME=" + home_.path(), "TZ=UTC", "bash", "-c",
         "set -o pipefail; (eval \"$1\"); printf '\\n%s' $?", "bash", command},
        kCommand);
    if (!output.ok()) return {.output = std::string(output.status().message())};
    absl::string_view text = *output;
    const size_t end = text.rfind('\n');
    return {.succeeded = text.substr(end + 1) == "0", .output = std::string(text.substr(0, end))};
  }

 private:
  const std::string kubectl_;
  const std::string kubeconfig_;
  TempDir home_;
};

// The lines that differ, as `diff -u` prints them; nothing when none does.
std::string Difference(const std::string& theirs, const std::string& own) {
  if (theirs == own) return "";
  TempDir dir;
  const std::string a = dir / "kube-apiserver";
  const std::string b = dir / "embedded";
  EXPECT_TRUE(bed::WriteFile(a, theirs + "\n").ok());
  EXPECT_TRUE(bed::WriteFile(b, own + "\n").ok());
  const auto out = bed::RunCommand({"sh", "-c", "diff -u " + a + " " + b + " || true"}, kCommand);
  return out.ok() ? *out : std::string(out.status().message());
}

// The directory of tools/get_kubectl.sh.
absl::StatusOr<std::string> FindCurrentKubectl() {
  const char* directory = std::getenv("REKINDLE_KUBECTL");
  if (directory == nullptr) {
    return absl::FailedPreconditionError(
        "REKINDLE_KUBECTL is not set: it is what tools/get_kubectl.sh prints");
  }
  return directory;
}

class KubectlSessionTest : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, KubectlSessionTest, ::testing::Values("bookworm", "current"),
                         [](const auto& test) { return std::string(test.param); });

TEST_P(KubectlSessionTest, BothServersAnswerAlike) {
  const std::string which = GetParam();
  const auto kubectl = which == "current" ? FindCurrentKubectl() : kube::FindPrograms();
  ASSERT_TRUE(kubectl.ok()) << kubectl.status();
  const auto plane = ControlPlane::Start();
  ASSERT_TRUE(plane.ok()) << plane.status();
  TempDir dir;
  const auto embedded = EmbeddedServer::Start({.data_dir = dir / "data", .port = 0});
  ASSERT_TRUE(embedded.ok()) << embedded.status();
  const Terminal real(*kubectl, (*plane)->kubeconfig());
  const Terminal ours(*kubectl, dir / "data/admin.kubeconfig");

  // The embedded server has these kinds from the start.
  const Answer kinds = real.Run("kubectl apply -k " REKINDLE_CRDS
                                " && kubectl wait --for=condition=Established crd --all");
  ASSERT_TRUE(kinds.succeeded) << kinds.output;
  const bool explained = bed::WaitUntil(
      [&] {
        return real.Run("kubectl explain cloneset.spec && kubectl explain crr.spec").succeeded;
      },
      kCommand);
  ASSERT_TRUE(explained) << real.Run("kubectl explain cloneset.spec").output;

  const auto session = ParseSession(bed::ReadFile(REKINDLE_KUBECTL_SESSION "/session.txt"));
  ASSERT_TRUE(session.ok()) << session.status();
  ASSERT_GE(session->size(), 60);
  for (const SessionCommand& command : *session) {
    SCOPED_TRACE(absl::StrCat("line ", command.line, ": ", command.text));
    const Answer theirs = real.Run(command.text);
    const Answer own = ours.Run(command.text);
    EXPECT_EQ(theirs.succeeded, command.succeeds) << "kube-apiserver: " << theirs.output;
    EXPECT_EQ(own.succeeded, command.succeeds) << "embedded: " << own.output;
    if (!command.compared_with.empty() && command.compared_with != which) continue;
    EXPECT_EQ(Difference(Comparable(theirs.output, command.may_differ),
                         Comparable(own.output, command.may_differ)),
              "");
  }
}

}  // namespace
}  // namespace rekindle::conformance
