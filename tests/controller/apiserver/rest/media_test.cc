#include "controller/apiserver/rest/media.h"

#include <gmock/gmock.h>

namespace rekindle::apiserver {
namespace {

std::string FormText(absl::string_view accept, bool watch = false) {
  const auto form = Negotiate(accept, watch);
  if (!form.has_value()) return "none";
  const char* shape = form->shape == Form::Shape::kObject  ? "object"
                      : form->shape == Form::Shape::kTable ? "table"
                                                           : "partial";
  return std::string(shape) + form->version + (form->yaml ? " yaml" : "");
}

TEST(MediaTest, TheFirstThatCanBeGivenWins) {
  EXPECT_EQ(FormText(""), "object");
  EXPECT_EQ(FormText("*/*"), "object");
  EXPECT_EQ(FormText("application/json, */*"), "object");
  EXPECT_EQ(FormText("application/yaml"), "object yaml");
  EXPECT_EQ(FormText("Application/YAML; charset=utf-8"), "object yaml");
  EXPECT_EQ(FormText("application/vnd.kubernetes.protobuf,application/json"), "object");
  EXPECT_EQ(FormText("application/json;as=Table;v=v1;g=meta.k8s.io,application/json"), "tablev1");
  EXPECT_EQ(FormText("application/json;as=Table;g=meta.k8s.io;v=v1beta1"), "tablev1beta1");
  EXPECT_EQ(FormText("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"),
            "partialv1");
  // A form that nobody knows is passed over.
  EXPECT_EQ(FormText("application/json;as=Table;v=v7;g=meta.k8s.io,application/json"), "object");
  EXPECT_EQ(FormText("application/json;as=Other;v=v1;g=meta.k8s.io, application/yaml"),
            "object yaml");
}

TEST(MediaTest, WhatCannotBeGiven) {
  EXPECT_EQ(FormText("application/vnd.kubernetes.protobuf"), "none");
  EXPECT_EQ(FormText("text/html"), "none");
  EXPECT_EQ(FormText("application/json;as=Table"), "none");
  EXPECT_EQ(FormText("application/yaml", /*watch=*/true), "none");
}

TEST(MediaTest, BodyTypes) {
  EXPECT_EQ(BodyTypeOf(""), BodyType::kJson);
  EXPECT_EQ(BodyTypeOf("application/json; charset=utf-8"), BodyType::kJson);
  EXPECT_EQ(BodyTypeOf("application/apply-patch+yaml"), BodyType::kApply);
  EXPECT_EQ(BodyTypeOf("application/strategic-merge-patch+json"), BodyType::kStrategicPatch);
  EXPECT_EQ(BodyTypeOf("text/plain"), std::nullopt);
}

TEST(MediaTest, Gzip) {
  EXPECT_TRUE(AcceptsGzip("gzip"));
  EXPECT_TRUE(AcceptsGzip("deflate, gzip;q=0.5"));
  EXPECT_FALSE(AcceptsGzip("gzip;q=0"));
  EXPECT_FALSE(AcceptsGzip("identity"));
  EXPECT_FALSE(AcceptsGzip(""));
}

}  // namespace
}  // namespace rekindle::apiserver
