#include "controller/apiserver/registry/objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/json/tree.h"
#include "controller/apiserver/registry/continue_token.h"

namespace rekindle::apiserver {
namespace {

Json Example() {
  return Json::parse(R"({"kind":"ConfigMap","apiVersion":"v1","data":{"metadata":"{\"x\":1}"},
    "metadata":{"name":"a","namespace":"n","uid":"u1","resourceVersion":"7",
      "labels":{"app":"web"},"finalizers":["x/y"],
      "managedFields":[{"manager":"m","fieldsV1":{"f:data":{}}}],
      "ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u2",
        "blockOwnerDeletion":true}]}})");
}

TEST(Objects, StoredTextBeginsWithTypeAndMetadata) {
  const std::string text = StoredText(Example());
  EXPECT_EQ(text.find("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{"), 0u) << text;
  EXPECT_EQ(text.find("resourceVersion"), std::string::npos);
}

TEST(Objects, StoredTextReadsBack) {
  const auto back = ParseStored({"configmaps", "n", "a"}, StoredText(Example()), 7);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, Example());
}

TEST(Objects, BadTextNamesTheObject) {
  const auto bad = ParseStored({"configmaps", "n", "a"}, "{", 7);
  EXPECT_EQ(bad.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(bad.status().message()), testing::HasSubstr("configmaps n/a"));
}

TEST(Objects, SplicedTextIsTheObjectWithItsRevision) {
  const std::string text = StoredText(Example());
  EXPECT_EQ(Json::parse(SplicedText(text, 7, /*with_type=*/true)), Example());
  Json bare = Example();
  bare.erase("apiVersion");
  bare.erase("kind");
  EXPECT_EQ(Json::parse(SplicedText(text, 7, /*with_type=*/false)), bare);
}

TEST(Objects, SplicedTextRefusesOtherLayouts) {
  for (const char* text :
       {"", "{}", R"({"kind":"A","metadata":{}})", R"({"apiVersion":"v1","metadata":{"x":1}})",
        R"({"apiVersion":"v1","data":{"metadata":{}},"kind":"A","metadata":{}})",
        R"({"apiVersion":"v1","kind":"a\"b","metadata":{}})"}) {
    EXPECT_EQ(SplicedText(text, 7, true), "") << text;
  }
}

TEST(Objects, SplicesEmptyMetadata) {
  EXPECT_EQ(SplicedText(R"({"apiVersion":"v1","kind":"A","metadata":{},"x":1})", 3, true),
            R"({"apiVersion":"v1","kind":"A","metadata":{"resourceVersion":"3"},"x":1})");
}

TEST(Objects, MetadataAloneIsRead) {
  const auto meta = ReadStoredMeta(StoredText(Example()));
  ASSERT_TRUE(meta.ok()) << meta.status();
  EXPECT_EQ(meta->name, "a");
  EXPECT_EQ(meta->uid, "u1");
  EXPECT_EQ(meta->labels.Get("app"), "web");
  ASSERT_EQ(meta->owners.size(), 1u);
  EXPECT_EQ(meta->owners[0].uid, "u2");
  EXPECT_TRUE(meta->owners[0].block_owner_deletion);
  EXPECT_TRUE(meta->HasFinalizer("x/y"));
  EXPECT_FALSE(meta->BeingDeleted());
}

TEST(Objects, MetadataIsFoundWhereverItIs) {
  const auto meta = ReadStoredMeta(
      R"({"data":{"metadata":{"name":"wrong"}},"list":[{"metadata":1}],"metadata":{"name":"a","managedFields":[{"x":{"y":[1,{}]}}]},"z":)");
  ASSERT_TRUE(meta.ok()) << meta.status();
  EXPECT_EQ(meta->name, "a");
}

TEST(Objects, UnreadableMetadataIsAnError) {
  for (const char* text : {"", "{}", "[]", R"({"metadata":{"name":)", R"({"metadata":3})"}) {
    EXPECT_FALSE(ReadStoredMeta(text).ok()) << text;
  }
}

TEST(ContinueToken, RoundTrip) {
  const ContinueToken token{491, "n", "a.b"};
  const auto back = ContinueToken::Parse(token.Text(), "n");
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->revision, 491);
  EXPECT_EQ(back->name_space, "n");
  EXPECT_EQ(back->name, "a.b");
  EXPECT_TRUE(ContinueToken::Parse(token.Text(), "").ok());
}

TEST(ContinueToken, RefusesWhatItDidNotMake) {
  for (const std::string& text :
       {std::string("%%%"), std::string("bm9uc2Vuc2U"), ContinueToken{0, "n", "a"}.Text(),
        ContinueToken{-2, "n", "a"}.Text(), ContinueToken{5, "n", ""}.Text(),
        ContinueToken{5, "other", "a"}.Text()}) {
    const auto bad = ContinueToken::Parse(text, "n");
    const auto error = api::FromStatus(bad.status());
    ASSERT_TRUE(error.has_value()) << text;
    EXPECT_EQ(error->code, 400);
    EXPECT_EQ(error->message.find("invalid continue token: "), 0u);
  }
}

}  // namespace
}  // namespace rekindle::apiserver
