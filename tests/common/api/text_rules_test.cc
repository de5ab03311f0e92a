#include "common/api/text_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::api {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// Spec kubernetes-api 2.2 and 2.3.
TEST(TextRules, WhatIsFine) {
  const std::string label63(63, 'a');
  const std::string subdomain = label63 + "." + label63 + "." + label63 + "." + label63.substr(2);
  ASSERT_EQ(subdomain.size(), 253u);
  const struct {
    TextRule rule;
    std::vector<std::string> good;
  } cases[] = {
      {TextRule::kSubdomain, {"a", "a.b", "web-1", "0.9", subdomain}},
      {TextRule::kLabel, {"a", "0", "a-b", label63}},
      {TextRule::kLabel1035, {"a", "a-0", label63}},
      {TextRule::kQualifiedName,
       {"a", "A.b_c-d", "example.com/Name", "apps.kruise.io/x", "a/" + label63}},
      {TextRule::kLabelValue, {"", "a", "A_b.c-1", label63}},
      {TextRule::kEnvName, {"A", "_x", "my.env-name", "-a"}},
      {TextRule::kPortName, {"http", "8080-tcp", "a"}},
      {TextRule::kNone, {"", "anything at all"}},
  };
  for (const auto& c : cases) {
    for (const std::string& text : c.good) EXPECT_THAT(CheckText(c.rule, text), IsEmpty()) << text;
  }
}

TEST(TextRules, WhatIsWrongAndHowItIsSaid) {
  EXPECT_THAT(
      CheckText(TextRule::kSubdomain, "Bad_Name"),
      ElementsAre("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
                  "characters, '-' or '.', and must start and end with an alphanumeric character "
                  "(e.g. 'example.com', regex used for validation is "
                  "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"));
  EXPECT_THAT(CheckText(TextRule::kSubdomain, std::string(254, 'a')),
              ElementsAre("must be no more than 253 characters"));
  EXPECT_THAT(CheckText(TextRule::kLabel, std::string(64, 'a')),
              ElementsAre("must be no more than 63 characters"));
  for (const char* bad : {"", "-a", "a-", "a.b", "A"}) {
    EXPECT_THAT(CheckText(TextRule::kLabel, bad),
                Contains(StartsWith("a lowercase RFC 1123 label")))
        << bad;
  }
  for (const char* bad : {"", "0a", "a-", "A"}) {
    EXPECT_THAT(CheckText(TextRule::kLabel1035, bad), Contains(StartsWith("a DNS-1035 label")))
        << bad;
  }
  EXPECT_THAT(CheckText(TextRule::kQualifiedName, "a/b/c"),
              ElementsAre(HasSubstr("with an optional DNS subdomain prefix and '/'")));
  EXPECT_THAT(CheckText(TextRule::kQualifiedName, "-x"),
              ElementsAre(StartsWith("name part must consist of alphanumeric characters")));
  EXPECT_THAT(CheckText(TextRule::kQualifiedName, "Bad_/x"),
              ElementsAre(StartsWith("prefix part a lowercase RFC 1123 subdomain")));
  EXPECT_THAT(CheckText(TextRule::kQualifiedName, "/x"),
              ElementsAre("prefix part must be non-empty"));
  EXPECT_THAT(CheckText(TextRule::kQualifiedName, "a/"), Contains("name part must be non-empty"));
  EXPECT_THAT(CheckText(TextRule::kQualifiedName, std::string(64, 'a')),
              ElementsAre("name part must be no more than 63 characters"));
  EXPECT_THAT(CheckText(TextRule::kLabelValue, "a b"),
              ElementsAre(StartsWith("a valid label must")));
  EXPECT_THAT(CheckText(TextRule::kLabelValue, std::string(64, 'a')),
              ElementsAre("must be no more than 63 characters"));
  EXPECT_THAT(CheckText(TextRule::kEnvName, "1a"), ElementsAre(StartsWith("a valid environment")));
  EXPECT_THAT(CheckText(TextRule::kEnvName, ".."), ElementsAre("must not be '..'"));
  EXPECT_THAT(CheckText(TextRule::kEnvName, "..a"), ElementsAre("must not start with '..'"));
  EXPECT_THAT(CheckText(TextRule::kPortName, "8080"),
              ElementsAre("must contain at least one letter (a-z)"));
  EXPECT_THAT(CheckText(TextRule::kPortName, "a--b"),
              ElementsAre("must not contain consecutive hyphens"));
  EXPECT_THAT(CheckText(TextRule::kPortName, "-a"),
              ElementsAre("must not begin or end with a hyphen"));
  EXPECT_THAT(CheckText(TextRule::kPortName, "a-name-too-long-for-it"),
              ElementsAre("must be no more than 15 characters"));
}

}  // namespace
}  // namespace rekindle::api
