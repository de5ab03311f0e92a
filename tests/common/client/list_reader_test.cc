#include "common/client/list_reader.h"

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::client {
namespace {

using ::testing::HasSubstr;

// Keeps the text; refuses what says so.
class TextDecoder final : public Decoder {
 public:
  absl::StatusOr<Record> Decode(absl::string_view object) override {
    if (object.find("refuse") != absl::string_view::npos) return absl::DataLossError("refused");
    return Record(std::make_shared<const std::string>(object));
  }
};

std::string TextOf(const Item& item) {
  return item.record == nullptr ? "" : *static_cast<const std::string*>(item.record.get());
}

absl::StatusOr<ListPage> Read(absl::string_view text, size_t chunk = 1000,
                              size_t max_object_bytes = 1000) {
  TextDecoder decoder;
  ListReader reader(decoder, max_object_bytes);
  for (size_t at = 0; at < text.size(); at += chunk) {
    const absl::Status fed = reader.Feed(text.substr(at, chunk));
    if (!fed.ok()) return fed;
  }
  return reader.Finish();
}

TEST(ListReader, ListPages) {
  const auto page = Read(
      R"({"kind":"PodList","apiVersion":"v1",
          "metadata":{"resourceVersion":"491","continue":"tok","remainingItemCount":6},
          "items":[{"metadata":{"name":"a","namespace":"n","uid":"u1","resourceVersion":"5",
                    "annotations":{"x":"{\"metadata\":{\"name\":\"no\"}}"}},"spec":{"x":[1,{}]}} ,
                   {"spec":{"metadata":{"name":"no"}},"metadata":{"name":"b"}},
                   {"metadata":{"name":"refuse","uid":null}}]})"
      "\n");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->resource_version, "491");
  EXPECT_EQ(page->continue_token, "tok");
  ASSERT_EQ(page->items.size(), 3U);
  const Item& a = page->items[0];
  EXPECT_EQ(a.meta.key, (ObjectKey{"n", "a"}));
  EXPECT_EQ(a.meta.uid, "u1");
  EXPECT_EQ(a.meta.resource_version, "5");
  EXPECT_THAT(TextOf(a), HasSubstr(R"("spec":{"x":[1,{}]}})"));
  EXPECT_EQ(TextOf(page->items[1]),
            R"({"spec":{"metadata":{"name":"no"}},"metadata":{"name":"b"}})");
  EXPECT_EQ(page->items[2].record, nullptr);
  EXPECT_EQ(page->items[2].broken.code(), absl::StatusCode::kDataLoss);
}

TEST(ListReader, EmptyLists) {
  for (const char* items : {"[]", "null"}) {
    const auto page =
        Read(std::string(R"({"kind":"XList","metadata":{"resourceVersion":"1"},"items":)") + items +
             "}");
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_TRUE(page->items.empty());
  }
}

TEST(ListReader, WhatIsNoList) {
  for (const char* text :
       {"",
        "[]",
        "{",
        "nope",
        R"({"kind":"Status","metadata":{},"items":[]})",
        R"({"kind":"PodList","items":[{}]})",
        R"({"kind":"PodList","items":[1]})",
        R"({"kind":"PodList","items":{}})",
        R"({"kind":"PodList","items":[{"metadata":{"name":"a"}})",
        R"({"kind":"PodList","items":[]} {})",
        R"({"kind":"PodList","metadata":1,"items":[]})",
        R"({"kind":"PodList","items":[{"metadata":{"name":"a","uid":5}}]})",
        R"({"kind":"PodList","items":[{"metadata":{"name":"a"}},]})",
        R"({"kind":"PodList","items":[,{"metadata":{"name":"a"}}]})",
        R"({"kind":"PodList","items":[{"metadata":{"name":"a"}}{"metadata":{"name":"b"}}]})",
        R"({"kind":"PodList","items":[{"metadata":{"name":"a"}]]})",
        R"({"kind":"PodList","items":[[{"metadata":{"name":"a"}}]]})",
        R"({"kind":"PodList","items":[{"metadata":{"name":"a"}}]]})",
        R"({"kind":"PodList","items":[{"metadata":{"name":"a"},"x":"]})",
        R"({"kind":"PodList","items":[{"metadata":{"name":"a"}}]},)",
        R"({"kind":"PodList","\u0069tems":[{"metadata":{"name":"a"}}]})",
        R"({"kind":"PodList","metadata":{"resourceVersion":7},"items":[]})",
        R"({"kind":"PodList","metadata":{"continue":{}},"items":[]})",
        R"({"kind":7,"items":[]})",
        R"(}]{"kind":"PodList","items":[{"metadata":{"name":"a"}}]})"}) {
    EXPECT_EQ(Read(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

// Brackets and quotes in texts, and other things that are called "items".
constexpr absl::string_view kTricky =
    R"( {"items":[
 {"metadata":{"name":"a}]","labels":{"q":"\"}","b":"\\"}},"items":[{"items":[]},[{}]]} ,
 {"items":{"x":"]"},"metadata":{"name":"b","items":[1]}}
 ],"x":{"items":[{"metadata":{"name":"c"}}]},"kind":"items","y":[[]],"kind":"XList",
 "metadata":{"items":[],"continue":"\"[{","resourceVersion":"1"}} )";

TEST(ListReader, AnyChunks) {
  for (size_t chunk = 1; chunk <= kTricky.size(); ++chunk) {
    const auto page = Read(kTricky, chunk);
    ASSERT_TRUE(page.ok()) << chunk << ": " << page.status();
    EXPECT_EQ(page->resource_version, "1");
    EXPECT_EQ(page->continue_token, "\"[{");
    ASSERT_EQ(page->items.size(), 2U) << chunk;
    EXPECT_EQ(page->items[0].meta.key.name, "a}]");
    EXPECT_EQ(TextOf(page->items[0]), R"({"metadata":{"name":"a}]","labels":{"q":"\"}","b":"\\"}},)"
                                      R"("items":[{"items":[]},[{}]]})");
    EXPECT_EQ(TextOf(page->items[1]), R"({"items":{"x":"]"},"metadata":{"name":"b","items":[1]}})");
  }
}

TEST(ListReader, NothingIsCutShortUnnoticed) {
  for (size_t length = 0; length + 2 < kTricky.size(); ++length) {
    EXPECT_EQ(Read(kTricky.substr(0, length)).status().code(), absl::StatusCode::kInvalidArgument)
        << length;
  }
}

TEST(ListReader, IsBounded) {
  const std::string object = R"({"metadata":{"name":"a"},"x":")" + std::string(100, 'x') + "\"}";
  const std::string list = R"({"kind":"XList","items":[)" + object + "]}";
  for (const size_t chunk : {size_t{7}, list.size()}) {
    EXPECT_TRUE(Read(list, chunk, object.size()).ok());
    EXPECT_EQ(Read(list, chunk, object.size() - 1).status().code(),
              absl::StatusCode::kResourceExhausted);
  }
  const std::string beside = R"({"kind":")" + std::string(size_t{2} << 20, 'x') + "List\"}";
  EXPECT_EQ(Read(beside).status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace rekindle::client
