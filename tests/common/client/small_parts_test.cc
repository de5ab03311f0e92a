#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/api/status.h"
#include "common/client/expectations.h"
#include "common/client/pause.h"
#include "common/client/resource.h"
#include "common/client/retry.h"
#include "common/client/shutdown.h"
#include "tests/fakes/sim_loop.h"

namespace rekindle::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Resource, Paths) {
  const ApiResource sets = {"apps.kruise.io", "v1alpha1", "clonesets", "CloneSet", true};
  EXPECT_EQ(*CollectionPath(PodResource(), ""), "/api/v1/pods");
  EXPECT_EQ(*CollectionPath(PodResource(), "ns"), "/api/v1/namespaces/ns/pods");
  EXPECT_EQ(*CollectionPath(sets, "ns"), "/apis/apps.kruise.io/v1alpha1/namespaces/ns/clonesets");
  EXPECT_EQ(*ObjectPath({sets, {"ns", "a"}, "status"}),
            "/apis/apps.kruise.io/v1alpha1/namespaces/ns/clonesets/a/status");
  EXPECT_EQ(*ObjectPath({NamespaceResource(), {"", "a"}, ""}), "/api/v1/namespaces/a");
  EXPECT_FALSE(ObjectPath({sets, {"ns", ""}, ""}).ok());
  EXPECT_FALSE(ObjectPath({sets, {"", "a"}, ""}).ok());
  EXPECT_FALSE(ObjectPath({NamespaceResource(), {"ns", "a"}, ""}).ok());
  EXPECT_FALSE(CollectionPath(sets, "a/../b").ok());
  EXPECT_EQ(WithQuery("/p", {{"a", "x=1,y"}, {"b", ""}, {"c", "2"}}), "/p?a=x%3D1%2Cy&c=2");
}

TEST(Pauses, GrowStayBelowTheLimitAndAreForgotten) {
  double chance = 0;
  Pauses pauses({}, [&] { return chance; });
  absl::Duration now = absl::Seconds(100);
  EXPECT_EQ(pauses.Next(now), absl::Milliseconds(800));
  EXPECT_EQ(pauses.Next(now), absl::Milliseconds(1600));
  chance = 0.5;
  EXPECT_EQ(pauses.Next(now), absl::Milliseconds(4800));
  for (int i = 0; i < 10; ++i) EXPECT_LE(pauses.Next(now), absl::Seconds(30));
  chance = 0;
  now += absl::Seconds(151);
  EXPECT_EQ(pauses.Next(now), absl::Milliseconds(800));
}

TEST(Versions, Reached) {
  const struct {
    const char* seen;
    const char* wanted;
    bool reached;
  } kRows[] = {{"7", "7", true},     {"10", "9", true}, {"9", "10", false}, {"", "1", false},
               {"abc", "abc", true}, {"b", "a", false}, {"11", "a", false}, {"0100", "9", false}};
  for (const auto& row : kRows) {
    EXPECT_EQ(ReachedVersion(row.seen, row.wanted), row.reached) << row.seen << " " << row.wanted;
  }
}

class ExpectationsTest : public ::testing::Test {
 protected:
  std::string Waits() {
    const auto pending = expectations_.Outstanding(owner_, now_);
    return pending.has_value() ? pending->what : "";
  }
  const ObjectKey owner_ = {"ns", "owner"};
  absl::Duration now_ = absl::Seconds(1000);
  Expectations expectations_;
};

TEST_F(ExpectationsTest, CreationsAreSeenByTheirKey) {
  EXPECT_EQ(Waits(), "");
  expectations_.ExpectCreation(owner_, {"ns", "a"}, now_);
  expectations_.ExpectCreation(owner_, {"ns", "b"}, now_ + absl::Seconds(1));
  EXPECT_EQ(Waits(), "creation of ns/a");
  expectations_.Seen(owner_, {"ns", "a"}, "u1", "5", false);
  EXPECT_EQ(Waits(), "creation of ns/b");
  expectations_.CreationFailed(owner_, {"ns", "b"});
  EXPECT_EQ(Waits(), "");
  EXPECT_EQ(expectations_.owners(), 0U);
}

TEST_F(ExpectationsTest, DeletionsAreSeenByUid) {
  expectations_.ExpectDeletion(owner_, "u1", now_);
  // A new object of the same name changes nothing.
  expectations_.Seen(owner_, {"ns", "a"}, "u2", "9", false);
  expectations_.Gone(owner_, "u2");
  EXPECT_EQ(Waits(), "deletion of the object with UID u1");
  expectations_.Seen(owner_, {"ns", "a"}, "u1", "9", /*terminating=*/true);
  EXPECT_EQ(Waits(), "");
  expectations_.ExpectDeletion(owner_, "u3", now_);
  expectations_.Gone(owner_, "u3");
  EXPECT_EQ(Waits(), "");
  expectations_.ExpectDeletion(owner_, "u4", now_);
  expectations_.DeletionFailed(owner_, "u4");
  EXPECT_EQ(Waits(), "");
}

TEST_F(ExpectationsTest, ChangesAreSeenByVersion) {
  expectations_.ExpectVersion(owner_, "u1", "20", now_);
  expectations_.ExpectVersion(owner_, "u1", "15", now_);  // an answer that was overtaken
  expectations_.Seen(owner_, {"ns", "a"}, "u1", "19", false);
  EXPECT_EQ(Waits(), "version 20 of the object with UID u1");
  expectations_.Seen(owner_, {"ns", "a"}, "u1", "21", false);
  EXPECT_EQ(Waits(), "");
  expectations_.ExpectVersion(owner_, "u1", "30", now_);
  expectations_.Gone(owner_, "u1");
  EXPECT_EQ(Waits(), "");
}

TEST_F(ExpectationsTest, WhatNeverShowsUpIsGivenUp) {
  expectations_.ExpectCreation(owner_, {"ns", "a"}, now_);
  expectations_.ExpectDeletion(owner_, "u1", now_ + absl::Minutes(1));
  now_ += absl::Minutes(5);
  EXPECT_EQ(Waits(), "deletion of the object with UID u1");
  EXPECT_EQ(expectations_.expired(), 1U);
  now_ += absl::Minutes(1);
  EXPECT_EQ(Waits(), "");
  EXPECT_EQ(expectations_.expired(), 2U);
  EXPECT_EQ(expectations_.owners(), 0U);
}

TEST(Retry, OnlyLostRaces) {
  const api::Subject subject = {"", "pods", "Pod", "a"};
  EXPECT_TRUE(IsLostRace(api::ToStatus(api::Conflict(subject))));
  // Scenario 24.
  EXPECT_TRUE(IsLostRace(api::ToStatus(api::UnprocessablePatch())));
  api::FieldErrors errors;
  errors.Required(api::FieldPath("spec"));
  EXPECT_FALSE(IsLostRace(api::ToStatus(api::Invalid(subject, errors))));
  EXPECT_FALSE(IsLostRace(api::ToStatus(api::ApplyConflict({{"other", ".spec"}}))));
  EXPECT_FALSE(IsLostRace(api::ToStatus(api::AlreadyExists(subject))));
  EXPECT_FALSE(IsLostRace(absl::AbortedError("of our own")));
  EXPECT_FALSE(IsLostRace(absl::OkStatus()));
}

// Scenario 20.
TEST(Retry, RunsTheWholeAttemptAgain) {
  SimLoop loop;
  const absl::Status conflict = api::ToStatus(api::Conflict({"", "pods", "Pod", "a"}));
  for (const int conflicts : {0, 3, 9}) {
    int attempts = 0;
    absl::Status ended = absl::UnknownError("");
    RetryOnConflict(
        loop, {}, [] { return 0.0; },
        [&](auto done) { done(attempts++ < conflicts ? conflict : absl::OkStatus()); },
        [&](const absl::Status& status) { ended = status; });
    loop.Advance(absl::Seconds(1));
    EXPECT_EQ(attempts, std::min(conflicts + 1, 5));
    EXPECT_EQ(ended.ok(), conflicts < 5) << ended;
  }
}

TEST(Shutdown, RunsItsStepsInOrderWhateverHappens) {
  SimLoop loop;
  ShutdownSequence sequence(loop);
  std::vector<std::string> begun;
  std::vector<std::string> ended;
  ShutdownSequence::StepDone held;
  sequence.Add("inline", absl::Seconds(1), [&](ShutdownSequence::StepDone done) {
    begun.push_back("inline");
    done(absl::OkStatus());
  });
  sequence.Add("fails", absl::Seconds(1), [&](ShutdownSequence::StepDone done) {
    begun.push_back("fails");
    loop.RunAfter(absl::Milliseconds(300),
                  [done = std::move(done)]() mutable { done(absl::UnavailableError("no")); });
  });
  sequence.Add("hangs", absl::Seconds(2), [&](ShutdownSequence::StepDone done) {
    begun.push_back("hangs");
    held = std::move(done);
  });
  sequence.Add("last", absl::Seconds(1), [&](ShutdownSequence::StepDone done) {
    begun.push_back("last");
    done(absl::OkStatus());
    done(absl::OkStatus());  // once too often
  });
  absl::Status all;
  bool over = false;
  sequence.Run(
      [&](const std::string& name, const absl::Status& status, absl::Duration took) {
        ended.push_back(absl::StrCat(name, " ", absl::StatusCodeToString(status.code()), " ",
                                     absl::FormatDuration(took)));
      },
      [&](const absl::Status& status) {
        all = status;
        over = true;
      });
  loop.Advance(absl::Seconds(2));
  EXPECT_FALSE(over);
  loop.Advance(absl::Seconds(1));
  EXPECT_TRUE(over);
  EXPECT_THAT(begun, ElementsAre("inline", "fails", "hangs", "last"));
  EXPECT_THAT(ended, ElementsAre("inline OK 0", "fails UNAVAILABLE 300ms",
                                 "hangs DEADLINE_EXCEEDED 2s", "last OK 0"));
  EXPECT_EQ(all.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(all.message(), HasSubstr("fails: no; hangs: not over within 2s"));
  held(absl::OkStatus());  // too late to matter
  loop.Settle();
}

}  // namespace
}  // namespace rekindle::client
