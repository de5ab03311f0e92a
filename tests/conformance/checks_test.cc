#include "tests/conformance/checks.h"

#include <gmock/gmock.h>

namespace rekindle::conformance {
namespace {

Answer Sample() {
  Answer out;
  out.status = 200;
  out.headers["content-type"] = "application/json";
  out.body = R"({"a":{"b.c":[1,{"d":"text"}]},"n":null,"list":[{"x":"p"},{"x":"q"},{}]})";
  out.tree = nlohmann::json::parse(out.body);
  return out;
}

TEST(Checks, ThatHold) {
  for (const char* check :
       {R"(.a["b.c"][0] == 1)", R"(.a["b.c"][1].d ~ ex)", R"(.a["b.c"][-1].d == "text")",
        R"(.a["b.c"] size 2)", ".n absent", ".nothing absent", ".a.nothing.deeper absent",
        ".a exists", R"(.list[*].x == ["p","q",null])", R"(.list[*].x ~has "q")",
        R"(.a["b.c"][1].d matches t[a-z]+)", R"(.nothing != 5)", R"(.a["b.c"][0] != 2)",
        "body ~ text", "header Content-Type ~ json", "header X absent", ".n == null"}) {
    EXPECT_EQ(Check(check, Sample()), "") << check;
  }
  Answer plain;
  plain.body = "ok\n";
  EXPECT_EQ(Check(R"(body == "ok\n")", plain), "");
}

TEST(Checks, ThatDoNotHold) {
  for (const char* check : {R"(.a["b.c"][0] == 2)",
                            R"(.a["b.c"][0] == "1")",
                            R"(.a["b.c"][9] == 1)",
                            ".n exists",
                            ".nothing exists",
                            ".a absent",
                            R"(.a["b.c"] size 3)",
                            R"(.list[*].x ~has "r")",
                            R"(.a["b.c"][1].d ~ nothing)",
                            R"(.a["b.c"][0] ~ 1)",
                            R"(.a["b.c"][1].d matches ext)",
                            R"(.a["b.c"][0] != 1)",
                            "body ~ nothing",
                            "header Content-Type ~ yaml",
                            "header Content-Type absent",
                            ".a == {",
                            ".a is 5",
                            "nonsense exists",
                            R"(body == "other")",
                            ".a[x] exists"}) {
    EXPECT_NE(Check(check, Sample()), "") << check;
  }
}

}  // namespace
}  // namespace rekindle::conformance
