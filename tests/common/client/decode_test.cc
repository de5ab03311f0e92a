#include "common/client/decode.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::client {
namespace {

using ::testing::ElementsAre;

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

TEST(Decode, WatchEvents) {
  TextDecoder decoder;
  using Type = WatchEvent::Type;
  auto event = DecodeWatchEvent(
      R"({"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"7"}}})", decoder);
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->type, Type::kModified);
  EXPECT_EQ(TextOf(event->item), R"({"metadata":{"name":"a","resourceVersion":"7"}})");
  // The order of the members is not a server's duty.
  event = DecodeWatchEvent(R"({"object":{"metadata":{"name":"a"}},"type":"ADDED"})", decoder);
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(event->type, Type::kAdded);
  EXPECT_NE(event->item.record, nullptr);

  event =
      DecodeWatchEvent(R"({"type":"DELETED","object":{"metadata":{"name":"refuse"}}})", decoder);
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(event->item.meta.key.name, "refuse");
  EXPECT_TRUE(event->item.broken.ok());

  event = DecodeWatchEvent(
      R"({"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"509",
          "creationTimestamp":null,"annotations":{"k8s.io/initial-events-end":"true"}}}})",
      decoder);
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(event->item.meta.resource_version, "509");
  EXPECT_TRUE(event->initial_end);

  event = DecodeWatchEvent(
      R"({"type":"ERROR","object":{"kind":"Status","status":"Failure","reason":"Expired","code":410,
          "message":"too old resource version: 1 of 231"}})",
      decoder);
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(event->error.code, 410);
  EXPECT_EQ(event->error.reason, "Expired");
}

TEST(Decode, WhatIsNoEvent) {
  TextDecoder decoder;
  for (const char* text :
       {"", "{}", "[]", R"({"type":"ADDED"})",
        R"({"type":"NEW","object":{"metadata":{"name":"a"}}})", R"({"type":"ADDED","object":{}})",
        R"({"type":"ADDED","object":[]})", R"({"type":"ADDED","object":{"metadata":{"name":"a"}})",
        R"({"type":1,"object":{}})", R"({"type":"ADDED","object":{"metadata":{"name":"a"}}}x)"}) {
    EXPECT_EQ(DecodeWatchEvent(text, decoder).status().code(), absl::StatusCode::kInvalidArgument)
        << text;
  }
}

// Scenario 16: wherever the stream is cut, the same frames come out.
TEST(FrameSplitter, AnyChunks) {
  const std::string stream = "{\"a\":1}\n\n{\"b\":\"x\\ny\"}\n{\"c\":3}\n{\"rest\"";
  for (size_t chunk = 1; chunk <= stream.size(); ++chunk) {
    FrameSplitter splitter(100);
    std::vector<std::string> frames;
    for (size_t at = 0; at < stream.size(); at += chunk) {
      ASSERT_TRUE(splitter
                      .Feed(stream.substr(at, chunk),
                            [&](absl::string_view frame) {
                              frames.emplace_back(frame);
                              return absl::OkStatus();
                            })
                      .ok());
    }
    EXPECT_THAT(frames, ElementsAre("{\"a\":1}", "{\"b\":\"x\\ny\"}", "{\"c\":3}")) << chunk;
    EXPECT_EQ(splitter.rest(), "{\"rest\"");
  }
}

TEST(FrameSplitter, IsBoundedAndStopsAtAnError) {
  FrameSplitter splitter(10);
  const auto fine = [](absl::string_view) { return absl::OkStatus(); };
  EXPECT_TRUE(splitter.Feed("123456789", fine).ok());
  EXPECT_EQ(splitter.Feed("12", fine).code(), absl::StatusCode::kResourceExhausted);

  FrameSplitter other(10);
  int taken = 0;
  const absl::Status stopped = other.Feed("a\nb\nc\n", [&](absl::string_view) {
    return ++taken == 2 ? absl::DataLossError("bad") : absl::OkStatus();
  });
  EXPECT_EQ(stopped.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(taken, 2);
}

}  // namespace
}  // namespace rekindle::client
