#include "tests/conformance/kubectl_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(KubectlSessionTest, LinesAreCommandsWithWhatMayDiffer) {
  const auto session = ParseSession(
      "# words\n"
      "\n"
      "$ kubectl get pods\n"
      "- ^uid\n"
      "- ^age\n"
      "! kubectl get nothings\n"
      "@ old\n"
      "$ kubectl explain pods\n"
      "$ kubectl explain nodes\n");
  ASSERT_TRUE(session.ok()) << session.status();
  ASSERT_EQ(session->size(), 4);
  EXPECT_TRUE((*session)[0].succeeds);
  EXPECT_EQ((*session)[0].text, "kubectl get pods");
  EXPECT_THAT((*session)[0].may_differ, ElementsAre());
  EXPECT_FALSE((*session)[1].succeeds);
  EXPECT_EQ((*session)[1].line, 6);
  EXPECT_THAT((*session)[1].may_differ, ElementsAre("^uid", "^age"));
  EXPECT_EQ((*session)[1].compared_with, "");
  EXPECT_EQ((*session)[2].compared_with, "old");
  EXPECT_EQ((*session)[3].compared_with, "");
}

TEST(KubectlSessionTest, OtherLinesAreRefusedByNumber) {
  for (const char* text : {"$ a\nkubectl get pods\n", "$ a\n? b\n", "$ a\n- (\n"}) {
    const auto session = ParseSession(text);
    EXPECT_EQ(session.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(session.status().message()), HasSubstr("line 2")) << text;
  }
}

TEST(KubectlSessionTest, OnlyWhatNoTwoServersShareGoes) {
  EXPECT_EQ(Comparable("NAME      AGE\nweb       2m10s\n", {}),
            Comparable("NAME  AGE\nweb   3s\n", {}));
  EXPECT_NE(Comparable("web   3s\n", {}), Comparable("web2   3s\n", {}));
  EXPECT_NE(Comparable("a:\n  b: 1\n", {}), Comparable("a:\nb: 1\n", {}));
  EXPECT_NE(Comparable("replicas: 3\n", {}), Comparable("replicas: 4\n", {}));
  EXPECT_EQ(Comparable("  resourceVersion: \"12\"\n", {}),
            Comparable("  resourceVersion: \"7\"\n", {}));
  EXPECT_EQ(Comparable("uid: 01234567-89ab-cdef-0123-456789abcdef at 2026-01-02T03:04:05Z", {}),
            "uid: UID at TIME");
  EXPECT_EQ(Comparable("  managedFields:\n  - time: now\n    f: {}\n  name: x\n", {}),
            "  name: x\n");
  EXPECT_EQ(Comparable("\"managedFields\": [\n  {\n  }\n],\n\"name\": 1\n", {}), "\"name\": 1\n");
  EXPECT_EQ(Comparable("kept\ntook 5 tries\n", {"^took"}), "kept\n");
}

}  // namespace
}  // namespace rekindle::conformance
