#include "common/api/apply/typed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/kinds/registry.h"

namespace rekindle::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Json J(const char* text) { return Json::parse(text); }
Json Spec(const char* spec) { return {{"spec", J(spec)}}; }

TEST(Typed, FieldsOfAPod) {
  const Json pod = J(R"({"metadata":{"labels":{"a":"b"},"annotations":{}},
      "spec":{"containers":[{"name":"x","image":"i","args":["1","2"],
                             "ports":[{"containerPort":80},
                                      {"containerPort":53,"protocol":"UDP"}]}],
              "nodeSelector":{"k":"v"},"tolerations":[{"key":"t"}]}})");
  EXPECT_THAT(
      FieldsOf(pod, PodType()).Paths(),
      ElementsAre(
          ".metadata.annotations", ".metadata.labels.a", R"(.spec.containers[name="x"])",
          R"(.spec.containers[name="x"].args)", R"(.spec.containers[name="x"].image)",
          R"(.spec.containers[name="x"].name)",
          R"(.spec.containers[name="x"].ports[containerPort=53,protocol="UDP"])",
          R"(.spec.containers[name="x"].ports[containerPort=53,protocol="UDP"].containerPort)",
          R"(.spec.containers[name="x"].ports[containerPort=53,protocol="UDP"].protocol)",
          R"(.spec.containers[name="x"].ports[containerPort=80,protocol="TCP"])",
          R"(.spec.containers[name="x"].ports[containerPort=80,protocol="TCP"].containerPort)",
          ".spec.nodeSelector", ".spec.tolerations"));
}

// Lists of a custom resource's template are owned as a whole (spec 13.3).
TEST(Typed, FieldsOfACloneSet) {
  const Type& type = *Kinds().Find(kKruiseGroup, "v1beta1", "CloneSet")->type;
  const Json set = Spec(R"({"selector":{"matchLabels":{"a":"b"}},
      "template":{"spec":{"containers":[{"name":"x"}],"nodeSelector":{"k":"v"}}}})");
  EXPECT_THAT(FieldsOf(set, type).Paths(),
              ElementsAre(".spec.selector", ".spec.template.spec.containers",
                          ".spec.template.spec.nodeSelector.k"));
}

TEST(Typed, Comparison) {
  const auto compare = [](const char* before, const char* after) {
    return CompareTyped(Spec(before), Spec(after), PodType());
  };
  const Comparison c = compare(
      R"({"hostname":"a","subdomain":"s","containers":[{"name":"x","image":"1"},{"name":"y"}]})",
      R"({"hostname":"b","containers":[{"name":"z","env":[{"name":"E"}]},
                                        {"name":"x","image":"2"}]})");
  EXPECT_THAT(c.modified.Paths(),
              ElementsAre(R"(.spec.containers[name="x"].image)", ".spec.hostname"));
  EXPECT_THAT(c.removed.Paths(),
              ElementsAre(R"(.spec.containers[name="y"])", R"(.spec.containers[name="y"].name)",
                          ".spec.subdomain"));
  EXPECT_THAT(c.added.Paths(),
              ElementsAre(R"(.spec.containers[name="z"])", R"(.spec.containers[name="z"].env)",
                          R"(.spec.containers[name="z"].env[name="E"])",
                          R"(.spec.containers[name="z"].env[name="E"].name)",
                          R"(.spec.containers[name="z"].name)"));
  EXPECT_TRUE(compare(R"({"hostname":"a"})", R"({"hostname":"a"})").Same());
  // Another order of a keyed list is no change; of any other list it is.
  EXPECT_TRUE(compare(R"({"containers":[{"name":"x"},{"name":"y"}]})",
                      R"({"containers":[{"name":"y"},{"name":"x"}]})")
                  .Same());
  EXPECT_FALSE(compare(R"({"tolerations":[{"key":"x"},{"key":"y"}]})",
                       R"({"tolerations":[{"key":"y"},{"key":"x"}]})")
                   .Same());
}

TEST(Typed, Merge) {
  const auto merge = [](const char* live, const char* config) {
    return MergeTyped(Spec(live), Spec(config), PodType())["spec"];
  };
  EXPECT_EQ(merge(R"({"hostname":"a","nodeSelector":{"a":"1"},"containers":[
                      {"name":"x","image":"1","tty":true},{"name":"y"},{"name":"z"}]})",
                  R"({"nodeSelector":{"b":"2"},"containers":[
                      {"name":"n"},{"name":"y","image":"2"}]})"),
            J(R"({"hostname":"a","nodeSelector":{"b":"2"},"containers":[
                  {"name":"n"},{"name":"x","image":"1","tty":true},{"name":"y","image":"2"},
                  {"name":"z"}]})"));
  // A default protocol names the same port.
  EXPECT_EQ(merge(R"({"containers":[{"name":"x","ports":[{"containerPort":1,"protocol":"TCP"}]}]})",
                  R"({"containers":[{"name":"x","ports":[{"containerPort":1,"name":"p"}]}]})"),
            J(R"({"containers":[{"name":"x","ports":[
                  {"containerPort":1,"protocol":"TCP","name":"p"}]}]})"));
  EXPECT_EQ(MergeTyped(J(R"({"metadata":{"finalizers":["a","b"]}})"),
                       J(R"({"metadata":{"finalizers":["c","b"]}})"), PodType()),
            J(R"({"metadata":{"finalizers":["c","a","b"]}})"));
}

TEST(Typed, Removal) {
  const Json pod = Spec(R"({"hostname":"a","containers":[{"name":"x","image":"1"},{"name":"y"}]})");
  const auto without = [&](const char* fields) {
    return RemoveFields(pod, *FieldSet::FromJson(J(fields)), PodType());
  };
  EXPECT_EQ(without(R"({"f:spec":{"f:hostname":{},"f:containers":{"k:{\"name\":\"y\"}":{}}}})"),
            Spec(R"({"containers":[{"name":"x","image":"1"}]})"));
  EXPECT_EQ(without(R"({"f:spec":{"f:containers":{"k:{\"name\":\"x\"}":{"f:image":{}}}}})"),
            Spec(R"({"hostname":"a","containers":[{"name":"x"},{"name":"y"}]})"));
  EXPECT_EQ(without(R"({"f:spec":{"f:containers":{"k:{\"name\":\"x\"}":{},
                                                  "k:{\"name\":\"y\"}":{}}}})"),
            Spec(R"({"hostname":"a"})"));
  EXPECT_EQ(without(R"({"f:spec":{"f:none":{}}})"), pod);
}

TEST(Typed, WhatDoesNotFit) {
  const auto why = [](const char* spec) {
    return std::string(CheckTyped(Spec(spec), PodType()).message());
  };
  EXPECT_EQ(why(R"({"containers":[{"name":"x"}]})"), "");
  EXPECT_EQ(why(R"({"bogus":1})"), ".spec.bogus: field not declared in schema");
  EXPECT_EQ(why(R"({"containers":[{"name":"x"},{"name":"x"}]})"),
            R"(.spec.containers: duplicate entries for key [name="x"])");
  EXPECT_THAT(why(R"({"containers":[{"image":"x"}]})"),
              HasSubstr("an element that omits key field \"name\""));
  EXPECT_THAT(why(R"({"containers":[7]})"), HasSubstr("omits key field"));
  EXPECT_EQ(why(R"({"containers":[{"name":"x","ports":[{"containerPort":1},
                                   {"containerPort":1,"protocol":"TCP"}]}]})"),
            R"(.spec.containers[name="x"].ports: duplicate entries for key )"
            R"([containerPort=1,protocol="TCP"])");
}

}  // namespace
}  // namespace rekindle::api
