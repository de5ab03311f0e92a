#include "common/api/selector.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::api {
namespace {

TEST(Selector, TextFormOfKubernetesApi31) {
  struct Case {
    const char* selector;
    StringMap labels;
    bool matches;
  };
  const StringMap web = {{"app", "web"}, {"n", "12"}, {"in", "1"}, {"e", ""}};
  const Case cases[] = {{"", web, true},
                        {"app", web, true},
                        {"!app", web, false},
                        {"app=web", web, true},
                        {"app == web", web, true},
                        {"app!=web", web, false},
                        {"x!=web", web, true},
                        {"app in (a, web)", web, true},
                        {"app notin (web)", web, false},
                        {"x notin (a)", web, true},
                        {"n>11", web, true},
                        {"n<12", web, false},
                        {"app>1", web, false},
                        {"in=1", web, true},
                        {"in", web, true},
                        {"e in ()", web, true},
                        {"e in (,1)", web, true},
                        {"e=", web, true},
                        {"x=", web, false},
                        {"app=web,app!=web", web, false}};
  for (const Case& c : cases) {
    const auto selector = Selector::Parse(c.selector);
    ASSERT_TRUE(selector.ok()) << c.selector << selector.status();
    EXPECT_EQ(selector->Matches(c.labels), c.matches) << c.selector;
  }
  for (const char* bad : {"a b", "a,,b", "a=b c", "a>x", "a in b", "a in (b", "=a", "UP PER=1"}) {
    EXPECT_FALSE(Selector::Parse(bad).ok()) << bad;
  }
}

TEST(Selector, WordsOfRefusals) {
  const std::pair<const char*, const char*> cases[] = {
      {"a b", "unable to parse requirement: found 'b', expected: '=', '!=', '==', 'in', notin'"},
      {"a,,b", "found ',', expected: identifier after ','"},
      {"a,", "found '', expected: identifier after ','"},
      {"a=b=c", "found '=', expected: ',' or 'end of string'"},
      {"=a", "found '=', expected: !, identifier, or 'end of string'"},
      {"a>x",
       "unable to parse requirement: for 'Gt', 'Lt' operators, the value must be an integer"},
  };
  for (const auto& [text, want] : cases) {
    EXPECT_EQ(Selector::Parse(text).status().message(), want) << text;
  }
}

TEST(Selector, ObjectFormNullAndEmpty) {
  EXPECT_FALSE(Selector::FromJson(Json(), "s")->Matches({{"a", "b"}}));
  EXPECT_TRUE(Selector::FromJson(Json::object(), "s")->Matches({}));
  const auto selector =
      Selector::FromJson(Json::parse(R"({"matchLabels":{"app":"x"},"matchExpressions":[
        {"key":"tier","operator":"In","values":["b","a"]},{"key":"gone","operator":"DoesNotExist"},
        {"key":"zone","operator":"Exists"},{"key":"env","operator":"NotIn","values":["dev"]}]})"),
                         "s");
  ASSERT_TRUE(selector.ok()) << selector.status();
  EXPECT_EQ(selector->Text(), "app=x,env notin (dev),!gone,tier in (a,b),zone");
  EXPECT_TRUE(selector->Matches({{"app", "x"}, {"tier", "a"}, {"zone", "z"}}));
  EXPECT_FALSE(selector->Matches({{"app", "x"}, {"tier", "c"}, {"zone", "z"}}));
  EXPECT_EQ(selector->match_labels().Get("app"), "x");
  for (const char* bad :
       {R"({"matchExpressions":[{"key":"a","operator":"In"}]})",
        R"({"matchExpressions":[{"key":"a","operator":"Exists","values":["x"]}]})",
        R"({"matchExpressions":[{"key":"a","operator":"Near","values":["x"]}]})",
        R"({"matchLabels":{"a b":"x"}})"}) {
    EXPECT_FALSE(Selector::FromJson(Json::parse(bad), "s").ok()) << bad;
  }
}

}  // namespace
}  // namespace rekindle::api
