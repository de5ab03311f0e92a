#include "controller/apiserver/surface/accept.h"

#include <gmock/gmock.h>

namespace rekindle::apiserver {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Names(absl::string_view header) {
  std::vector<std::string> out;
  for (const MediaType& one : ParseAccept(header)) out.push_back(one.Name());
  return out;
}

TEST(Accept, OrderAndQuality) {
  EXPECT_THAT(Names("application/json, */*"), ElementsAre("application/json", "*/*"));
  EXPECT_THAT(Names("text/html;q=0.5, Application/JSON ,application/yaml;q=0.7"),
              ElementsAre("application/json", "application/yaml", "text/html"));
  EXPECT_THAT(Names("a/b;q=0,c/d"), ElementsAre("c/d"));
  EXPECT_THAT(Names(""), ElementsAre("*/*"));
  EXPECT_THAT(Names("  "), ElementsAre("*/*"));
}

TEST(Accept, Parameters) {
  const auto accept = ParseAccept(
      "application/json;as=Table;v=v1;g=meta.k8s.io, application/json; AS = \"a,b;\\\"c\" ;q=0.3");
  ASSERT_EQ(accept.size(), 2u);
  EXPECT_EQ(accept[0].Parameter("as"), "Table");
  EXPECT_EQ(accept[0].Parameter("v"), "v1");
  EXPECT_EQ(accept[0].Parameter("g"), "meta.k8s.io");
  EXPECT_EQ(accept[0].Parameter("x"), "");
  EXPECT_EQ(accept[1].Parameter("as"), "a,b;\"c");
  EXPECT_EQ(accept[1].quality, 0.3);
}

TEST(Accept, AnAtSignIsFine) {
  EXPECT_THAT(Names("application/com.github.proto-openapi.spec.v2@v1.0+protobuf"),
              ElementsAre("application/com.github.proto-openapi.spec.v2@v1.0+protobuf"));
}

TEST(Accept, LeavesOutWhatItCannotRead) {
  for (const char* header : {"json", "/", "a/", "/b", "a/b c", "*/json", "a/b;q=2", "a/b;q=x",
                             "a/b;q=nan", "a/b;=c", ",,,", "\"a/b"}) {
    EXPECT_THAT(Names(header), IsEmpty()) << header;
  }
  EXPECT_THAT(Names("nonsense,a/b"), ElementsAre("a/b"));
  std::string many = "a/b";
  for (int i = 0; i < 1000; ++i) many += ",c/d";
  EXPECT_EQ(Names(many).size(), 64u);
}

TEST(Accept, Includes) {
  const auto of = [](absl::string_view text) { return ParseAccept(text)[0]; };
  EXPECT_TRUE(of("*/*").Includes("application/json"));
  EXPECT_TRUE(of("application/*").Includes("application/json"));
  EXPECT_TRUE(of("application/json").Includes("application/json"));
  EXPECT_FALSE(of("application/*").Includes("text/json"));
  EXPECT_FALSE(of("application/yaml").Includes("application/json"));
}

}  // namespace
}  // namespace rekindle::apiserver
