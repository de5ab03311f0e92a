#include "daemon/images/manifest.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::images {
namespace {

const std::string kA = "sha256:" + std::string(64, 'a');
const std::string kB = "sha256:" + std::string(64, 'b');

TEST(ReferenceTest, IsTakenApartAsDockerDoes) {
  struct Row {
    std::string image;
    const char* host;
    const char* repository;
    std::string digest;
  };
  for (const Row& row : {
           Row{"busybox", "docker.io", "library/busybox", ""},
           Row{"busybox:1.36", "docker.io", "library/busybox", ""},
           Row{"some/app:v1", "docker.io", "some/app", ""},
           Row{"docker.io/busybox", "docker.io", "library/busybox", ""},
           Row{"index.docker.io/busybox", "docker.io", "library/busybox", ""},
           Row{"localhost/app", "localhost", "app", ""},
           Row{"localhost:5000/team/app:v1", "localhost:5000", "team/app", ""},
           Row{"127.0.0.1:5000/app@" + kA, "127.0.0.1:5000", "app", kA},
           Row{"quay.io/x/y:v1@" + kA, "quay.io", "x/y", kA},
           Row{"quay.io/x/y@sha256:short", "quay.io", "x/y", ""},
           Row{"", "docker.io", "library/", ""},
           Row{"@", "docker.io", "library/", ""},
           Row{"/", "docker.io", "/", ""},
           Row{":", "docker.io", "library/", ""},
       }) {
    SCOPED_TRACE(row.image);
    const Reference got = ParseReference(row.image);
    EXPECT_EQ(got.host, row.host);
    EXPECT_EQ(got.repository, row.repository);
    EXPECT_EQ(got.digest, row.digest);
  }
}

TEST(ManifestTest, ReadsLayersOnceEach) {
  auto manifest = ParseManifest(R"({"schemaVersion":2,"config":{},"layers":[{"digest":")" + kA +
                                R"(","size":100},{"digest":")" + kB + R"(","size":0},{"digest":")" +
                                kA + R"(","size":100}]})");
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  ASSERT_EQ(manifest->layers.size(), 2u);
  EXPECT_EQ(manifest->layers[0].digest, kA);
  EXPECT_EQ(manifest->layers[0].size_bytes, 100);
  EXPECT_TRUE(manifest->children.empty());
}

TEST(ManifestTest, ReadsAnIndex) {
  auto manifest = ParseManifest(R"({"manifests":[{"digest":")" + kB + R"(","size":7}]})");
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_THAT(manifest->children, testing::ElementsAre(kB));
}

TEST(ManifestTest, RefusesWhatIsNeither) {
  for (const std::string& json : {
           std::string(""),
           std::string("[]"),
           std::string("{"),
           std::string("{}"),
           std::string("\xff"),
           std::string(R"({"layers":{}})"),
           std::string(R"({"layers":[1]})"),
           std::string(R"({"layers":[],"manifests":[]})"),
           std::string(R"({"layers":[{"digest":"sha256:zz","size":1}]})"),
           std::string(R"({"layers":[{"digest":1,"size":1}]})"),
           R"({"layers":[{"digest":")" + kA + R"("}]})",
           R"({"layers":[{"digest":")" + kA + R"(","size":-1}]})",
           R"({"layers":[{"digest":")" + kA + R"(","size":1.5}]})",
           R"({"layers":[{"digest":")" + kA + R"(","size":18446744073709551615}]})",
           std::string(R"({"manifests":[{}]})"),
       }) {
    SCOPED_TRACE(json);
    EXPECT_EQ(ParseManifest(json).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace rekindle::images
