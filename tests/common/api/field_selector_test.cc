#include "common/api/field_selector.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::api {
namespace {

bool Matches(const char* selector, const Json& object) {
  const auto parsed = FieldSelector::Parse(selector);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed.ok() && parsed->Matches(object);
}

// Spec kubernetes-api 3.3.
TEST(FieldSelector, Matching) {
  const Json pod = {{"metadata", {{"name", "p"}, {"namespace", "ns"}}},
                    {"spec", {{"nodeName", "n1"}, {"hostNetwork", true}}},
                    {"status", {{"phase", "Running"}, {"podIPs", {{{"ip", "10.0.0.1"}}}}}}};
  EXPECT_TRUE(Matches("", pod));
  EXPECT_TRUE(Matches("metadata.name=p,spec.nodeName==n1", pod));
  EXPECT_TRUE(Matches("metadata.name=p,", pod));  // empty terms do not count
  EXPECT_FALSE(Matches("metadata.name=p,spec.nodeName!=n1", pod));
  EXPECT_TRUE(Matches("status.nominatedNodeName=", pod));  // absent is empty
  EXPECT_TRUE(Matches("spec.hostNetwork=true", pod));
  EXPECT_FALSE(Matches("spec.hostNetwork=true", Json::object()));
  EXPECT_TRUE(Matches("spec.hostNetwork=false", Json::object()));
  EXPECT_TRUE(Matches("status.podIPs=10.0.0.1", pod));
  EXPECT_FALSE(Matches("status.podIPs=10.0.0.2", pod));
  const Json event = {{"source", {{"component", "c"}}}, {"reason", "a,b=c\\d"}};
  EXPECT_TRUE(Matches("source=c", event));
  EXPECT_TRUE(Matches("reason=a\\,b\\=c\\\\d", event));
}

TEST(FieldSelector, TextAndDemands) {
  const auto parsed = FieldSelector::Parse("metadata.name==a\\,b,spec.nodeName!=n");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->Text(), "metadata.name=a\\,b,spec.nodeName!=n");
  ASSERT_NE(parsed->Demanded("metadata.name"), nullptr);
  EXPECT_EQ(*parsed->Demanded("metadata.name"), "a,b");
  EXPECT_EQ(parsed->Demanded("spec.nodeName"), nullptr);
}

TEST(FieldSelector, Refusals) {
  const auto why = [](const char* text) {
    return std::string(FieldSelector::Parse(text).status().message());
  };
  EXPECT_EQ(why("metadata.name=a=b"), "invalid field selector: unescaped character in value: 61");
  EXPECT_EQ(why("metadata.name<a"),
            "invalid selector: 'metadata.name<a'; can't understand 'metadata.name<a'");
  EXPECT_EQ(why("a"), "invalid selector: 'a'; can't understand 'a'");
  EXPECT_EQ(why("a=b\\c"), "invalid field selector: invalid escape sequence: \\c");
  EXPECT_EQ(why("a=b\\"), "invalid field selector: invalid escape sequence: \\");
}

TEST(FieldSelector, FieldsOfEachKind) {
  const auto check = [](const char* text, const char* group, const char* kind,
                        const std::vector<std::string>& custom = {}) {
    return std::string(FieldSelector::Parse(text)->CheckFields(group, kind, custom).message());
  };
  EXPECT_EQ(check("metadata.name=a,metadata.namespace=b", "apps", "StatefulSet"), "");
  EXPECT_EQ(check("spec.nodeName=a,status.phase=b", "", "Pod"), "");
  EXPECT_EQ(check("involvedObject.uid=a,type=Normal", "", "Event"), "");
  EXPECT_EQ(check("spec.x=a", "", "ConfigMap"),
            "\"spec.x\" is not a known field selector: only \"metadata.name\", "
            "\"metadata.namespace\"");
  EXPECT_EQ(check(" metadata.name=a", "", "Pod"), "field label not supported:  metadata.name");
  EXPECT_EQ(check("spec.replicas=1", "apps.kruise.io", "CloneSet"),
            "field label not supported: spec.replicas");
  EXPECT_EQ(check("spec.color=1", "example.io", "Widget", {"spec.color"}), "");
  EXPECT_EQ(check("spec.x=a", "coordination.k8s.io", "Lease"),
            "\"spec.x\" is not a known field selector: only \"metadata.name\", "
            "\"metadata.namespace\"");
}

}  // namespace
}  // namespace rekindle::api
