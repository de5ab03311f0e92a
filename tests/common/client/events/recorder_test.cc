#include "common/client/events/recorder.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/common/client/client_fixture.h"

namespace rekindle::client {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kEvents[] = "/api/v1/events";

TEST(EventCorrelator, TheSameAgainCountsUp) {
  EventCorrelator correlator({});
  const EventSubject subject = {.kind = "CloneSet", .name = "a", .uid = "u"};
  const auto first =
      correlator.Consider(subject, {.reason = "R", .message = "m"}, absl::Seconds(1));
  const auto second =
      correlator.Consider(subject, {.reason = "R", .message = "m"}, absl::Seconds(2));
  EXPECT_EQ(first->count, 1);
  EXPECT_EQ(second->count, 2);
  EXPECT_EQ(first->key, second->key);
  EXPECT_EQ(
      correlator
          .Consider(subject, {.warning = true, .reason = "R", .message = "m"}, absl::Seconds(2))
          ->count,
      1);
  EventSubject other = subject;
  other.uid = "v";
  EXPECT_EQ(correlator.Consider(other, {.reason = "R", .message = "m"}, absl::Seconds(2))->count,
            1);
}

TEST(EventCorrelator, AnObjectHasItsShare) {
  EventCorrelator correlator({});
  const auto passed = [&](const std::string& name, absl::Duration now) {
    return correlator.Consider({.kind = "X", .name = name}, {.reason = "R", .message = "m"}, now)
        .has_value();
  };
  int passes = 0;
  for (int i = 0; i < 100; ++i) passes += passed("a", absl::Seconds(1)) ? 1 : 0;
  EXPECT_EQ(passes, 25);
  EXPECT_EQ(correlator.suppressed(), 75U);
  EXPECT_TRUE(passed("b", absl::Seconds(1)));
  EXPECT_FALSE(passed("a", absl::Seconds(200)));
  EXPECT_TRUE(passed("a", absl::Seconds(302)));
}

TEST(EventCorrelator, RemembersALimitedNumber) {
  EventCorrelator correlator({.most_remembered = 10});
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(correlator
                  .Consider({.name = std::to_string(i)}, {.reason = "R", .message = "m"},
                            absl::Seconds(1))
                  ->count,
              1);
  }
  EXPECT_EQ(correlator.Consider({.name = "999"}, {.reason = "R", .message = "m"}, absl::Seconds(1))
                ->count,
            2);
  EXPECT_EQ(
      correlator.Consider({.name = "0"}, {.reason = "R", .message = "m"}, absl::Seconds(1))->count,
      1);
}

class RecorderTest : public ClientFixture {
 protected:
  void Make(EventRecorder::Options options = {}) {
    Client();
    options.component = "rekindle-controller";
    options.instance = "host-1";
    recorder_ = std::make_unique<EventRecorder>(*client_, options, [] { return 0.5; });
  }
  void Say(const std::string& message, const std::string& reason = "SuccessfulCreate") {
    recorder_->Record(subject_, {.reason = reason, .message = message});
  }
  std::vector<Json> Events() {
    std::vector<Json> out;
    for (const auto& request : api_.requests()) {
      if (request.method == "POST") out.push_back(*json::Parse(request.body));
    }
    return out;
  }

  EventSubject subject_ = {.api_version = "apps.kruise.io/v1alpha1",
                           .kind = "CloneSet",
                           .name_space = "ns1",
                           .name = "demo",
                           .uid = "u1"};
  std::unique_ptr<EventRecorder> recorder_;
};

TEST_F(RecorderTest, WritesWhatUsersLookFor) {
  Make();
  Say("created pod demo-x");
  loop_.Advance(absl::Seconds(1));
  ASSERT_EQ(Events().size(), 1U);
  const Json event = Events()[0];
  EXPECT_EQ(event["involvedObject"]["uid"], "u1");
  EXPECT_EQ(event["involvedObject"]["apiVersion"], "apps.kruise.io/v1alpha1");
  EXPECT_EQ(event["metadata"]["namespace"], "ns1");
  EXPECT_THAT(event["metadata"]["name"].get<std::string>(), StartsWith("demo."));
  EXPECT_EQ(event["type"], "Normal");
  EXPECT_EQ(event["count"], 1);
  EXPECT_EQ(event["firstTimestamp"], event["lastTimestamp"]);
  EXPECT_EQ(event["source"]["component"], "rekindle-controller");
  EXPECT_EQ(event["reportingInstance"], "host-1");
  // Of the cluster's objects in the namespace default.
  recorder_->Record({.api_version = "v1", .kind = "Node", .name = "n", .uid = "u"},
                    {.reason = "R", .message = "m"});
  loop_.Advance(absl::Seconds(1));
  EXPECT_EQ(Events().back()["metadata"]["namespace"], "default");
}

TEST_F(RecorderTest, RepetitionsBecomeASeries) {
  Make();
  for (int i = 0; i < 5; ++i) {
    Say("same");
    loop_.Advance(absl::Seconds(10));
  }
  EXPECT_EQ(api_.Count(kEvents), 1U);
  const Json event = *api_.Find(kEvents, "ns1", Events()[0]["metadata"]["name"]);
  EXPECT_EQ(event["count"], 5);
  EXPECT_NE(event["firstTimestamp"], event["lastTimestamp"]);
  EXPECT_EQ(api_.requests().back().Header("content-type"),
            "application/strategic-merge-patch+json");
  // It has expired on the server: written anew, with the count.
  api_.Remove(kEvents, "ns1", event["metadata"]["name"]);
  Say("same");
  loop_.Advance(absl::Seconds(1));
  EXPECT_EQ(api_.Count(kEvents), 1U);
  EXPECT_EQ(Events().back()["count"], 6);
  EXPECT_FALSE(Events().back()["metadata"].contains("resourceVersion"));
}

// Scenario 54.
TEST_F(RecorderTest, ManyMessagesOfOneReasonAreFolded) {
  Make();
  for (int i = 0; i < 12; ++i) {
    Say("message " + std::to_string(i));
    loop_.Advance(absl::Seconds(4));
  }
  EXPECT_EQ(api_.Count(kEvents), 11U);
  const Json folded = *api_.Find(kEvents, "ns1", Events().back()["metadata"]["name"]);
  EXPECT_THAT(folded["message"].get<std::string>(), StartsWith("(combined from similar events): "));
  EXPECT_EQ(folded["count"], 2);
}

TEST_F(RecorderTest, LongTextsAreCutBetweenCharacters) {
  Make();
  std::string message(1023, 'x');
  Say(message + "\xc3\xa4");
  loop_.Advance(absl::Seconds(1));
  EXPECT_EQ(Events()[0]["message"].get<std::string>(), message);
}

TEST_F(RecorderTest, AnAbsentServerIsTriedAgainAndARefusalIsNot) {
  Make();
  transport_.refuse = true;
  Say("one");
  loop_.Advance(absl::Seconds(60));
  EXPECT_EQ(recorder_->waiting(), 1U);
  transport_.refuse = false;
  loop_.Advance(absl::Seconds(11));
  EXPECT_EQ(recorder_->counters().written, 1U);
  api_.Fail("POST", "events", false, FakeApi::Status(403, "Forbidden", "no"));
  Say("two");
  Say("three");
  loop_.Advance(absl::Seconds(1));
  EXPECT_EQ(recorder_->counters().rejected, 1U);
  EXPECT_EQ(recorder_->counters().written, 2U);
  // Not for ever.
  transport_.refuse = true;
  Say("four");
  loop_.Advance(absl::Minutes(5));
  EXPECT_EQ(recorder_->counters().rejected, 2U);
  EXPECT_EQ(recorder_->waiting(), 0U);
}

TEST_F(RecorderTest, AnAnswerThatGotLostMakesNoSecondEvent) {
  Make();
  api_.Intercept([&](const FakeApi::Request& request) -> std::optional<FakeApi::Answer> {
    if (request.method != "POST") return std::nullopt;
    api_.Intercept(nullptr);
    (void)api_.Handle(request);
    return FakeApi::Answer{.status = 0, .after = FakeApi::After::kBreak};
  });
  Say("one");
  loop_.Advance(absl::Minutes(1));
  EXPECT_EQ(api_.Count(kEvents), 1U);
  EXPECT_EQ(recorder_->counters().written, 1U);
}

TEST_F(RecorderTest, SeveralAreWrittenAtATimeButOneOfASeries) {
  Make({.most_at_once = 4});
  transport_.latency = absl::Seconds(1);
  const auto say = [&](const std::string& name, const std::string& message) {
    EventSubject subject = subject_;
    subject.name = name;
    subject.uid = name;
    recorder_->Record(subject, {.reason = "R", .message = message});
  };
  for (int i = 0; i < 3; ++i) say("same", "again");
  for (int i = 0; i < 20; ++i) say("other-" + std::to_string(i), "once");
  EXPECT_EQ(recorder_->waiting(), 22U);  // the two that say the same again are one by now
  loop_.Advance(absl::Milliseconds(900));
  EXPECT_EQ(transport_.calls(), 4U);
  // 21 events and one patch, four at a time.
  loop_.Advance(absl::Seconds(12));
  EXPECT_EQ(recorder_->waiting(), 0U);
  EXPECT_EQ(recorder_->counters().written, 22U);
  EXPECT_EQ(api_.Count(kEvents), 21U);
  const std::string name = Events()[0]["metadata"]["name"];
  EXPECT_THAT(name, StartsWith("same."));
  EXPECT_EQ((*api_.Find(kEvents, "ns1", name))["count"], 3);
}

TEST_F(RecorderTest, ABurstIsHeldAndWritten) {
  Make();
  for (int i = 0; i < 10'500; ++i) {
    EventSubject subject = subject_;
    subject.name = subject.uid = std::to_string(i);
    recorder_->Record(subject, {.reason = "R", .message = "m"});
  }
  EXPECT_EQ(recorder_->counters().overflowed, 500U);
  loop_.Advance(absl::Minutes(10));
  EXPECT_EQ(recorder_->counters().written, 10'000U);
  EXPECT_EQ(api_.Count(kEvents), 10'000U);
}

TEST_F(RecorderTest, TheQueueIsBounded) {
  Make({.most_waiting = 3, .most_at_once = 1});
  transport_.refuse = true;
  for (int i = 0; i < 8; ++i) Say("m" + std::to_string(i));
  EXPECT_EQ(recorder_->waiting(), 3U);
  EXPECT_EQ(recorder_->counters().overflowed, 5U);
  // What waits already is counted up there.
  Say("m2");
  EXPECT_EQ(recorder_->waiting(), 3U);
  transport_.refuse = false;
  loop_.Advance(absl::Minutes(1));
  EXPECT_EQ(Events().back()["count"], 2);
}

TEST_F(RecorderTest, FlushWaitsAndGivesUp) {
  Make();
  absl::Status flushed = absl::UnknownError("");
  const auto flush = [&](absl::Duration limit) {
    flushed = absl::UnknownError("");
    recorder_->Flush(limit, [&](const absl::Status& status) { flushed = status; });
  };
  flush(absl::Seconds(1));
  loop_.Settle();
  EXPECT_TRUE(flushed.ok());
  Say("one");
  flush(absl::Seconds(5));
  loop_.Settle();
  EXPECT_EQ(flushed.code(), absl::StatusCode::kUnknown);
  loop_.Advance(absl::Seconds(1));
  EXPECT_TRUE(flushed.ok());
  transport_.refuse = true;
  Say("two");
  flush(absl::Seconds(5));
  loop_.Advance(absl::Seconds(6));
  EXPECT_TRUE(absl::IsDeadlineExceeded(flushed));
  EXPECT_THAT(flushed.message(), HasSubstr("1 events"));
}

}  // namespace
}  // namespace rekindle::client
