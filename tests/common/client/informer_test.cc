#include "common/client/informer.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/common/client/client_fixture.h"

namespace rekindle::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A record of the test's own.
struct Thing {
  std::string name;
  std::string label;
  std::string version;
};

absl::StatusOr<Thing> DecodeThing(absl::string_view text) {
  absl::StatusOr<Json> tree = json::Parse(text);
  if (!tree.ok()) return tree.status();
  Thing out = {std::string(json::String(*tree, {"metadata", "name"})),
               std::string(json::String(*tree, {"metadata", "labels", "l"})),
               std::string(json::String(*tree, {"metadata", "resourceVersion"}))};
  if (out.label == "broken") return absl::DataLossError("cannot be read");
  return out;
}

class InformerTest : public ClientFixture {
 protected:
  void Start(ReflectorOptions options = {}) {
    options.collection.resource = PodResource();
    Client({.requests_per_second = 1000, .burst = 1000});
    informer_ = std::make_unique<Informer<Thing>>(*client_, options, DecodeThing,
                                                  [this] { return chance_; });
    informer_->AddIndex("label", [](const ObjectKey&, const Thing& thing) {
      return std::vector<std::string>{thing.label};
    });
    informer_->AddHandler(Log());
    informer_->Start();
  }

  InformerHandler<Thing> Log() {
    return {.added = [this](const ObjectKey& key,
                            const auto& now) { log_.push_back("+" + key.name + now->label); },
            .updated =
                [this](const ObjectKey& key, const auto& before, const auto& now) {
                  log_.push_back("~" + key.name + before->label + now->label);
                },
            .deleted =
                [this](const ObjectKey& key, const auto& last, bool unknown) {
                  log_.push_back("-" + key.name + last->label + (unknown ? "?" : ""));
                }};
  }

  void Put(const std::string& name, const std::string& label = "") {
    api_.Put(kPods, Pod(name, {{"l", label}}));
  }
  void Remove(const std::string& name) { api_.Remove(kPods, "ns", name); }
  void Run(absl::Duration time = absl::Milliseconds(50)) { loop_.Advance(time); }
  std::vector<std::string> TakeLog() { return std::exchange(log_, {}); }
  size_t Lists() { return api_.CountRequests("GET", "pods", false); }
  size_t Watches() { return api_.CountRequests("GET", "pods", true); }
  std::string LastWatchFrom() {
    std::string out;
    for (const auto& request : api_.requests()) {
      if (request.IsWatch()) out = request.Query("resourceVersion");
    }
    return out;
  }

  double chance_ = 0;
  std::vector<std::string> log_;
  std::unique_ptr<Informer<Thing>> informer_;
};

// Scenarios 1 and 7.
TEST_F(InformerTest, ListsInPagesThenFollows) {
  for (int i = 0; i < 7; ++i) Put("p" + std::to_string(i));
  Start({.page_limit = 3});
  EXPECT_FALSE(informer_->synced());
  bool told = false;
  informer_->OnSynced([&] { told = true; });
  Run();
  EXPECT_TRUE(informer_->synced());
  EXPECT_TRUE(told);
  EXPECT_EQ(informer_->size(), 7U);
  EXPECT_EQ(Lists(), 3U);
  EXPECT_THAT(TakeLog(), ElementsAre("+p0", "+p1", "+p2", "+p3", "+p4", "+p5", "+p6"));
  EXPECT_EQ(LastWatchFrom(), std::to_string(api_.version()));
  const auto watch = api_.requests().back();
  EXPECT_EQ(watch.Query("allowWatchBookmarks"), "true");
  EXPECT_EQ(watch.Query("timeoutSeconds"), "300");

  Put("p7", "a");
  Put("p7", "b");
  Remove("p0");
  Run();
  EXPECT_THAT(TakeLog(), ElementsAre("+p7a", "~p7ab", "-p0"));
  EXPECT_EQ(informer_->Get({"ns", "p7"})->label, "b");
  EXPECT_EQ(informer_->Get({"ns", "p0"}), nullptr);
  EXPECT_EQ(Lists(), 3U);
}

TEST_F(InformerTest, ObjectsAreFoundByTheirIndexes) {
  Put("a", "x");
  Put("b", "y");
  Put("c", "x");
  Start();
  Run();
  const auto names = [&](const std::string& label) {
    std::string out;
    for (const auto& thing : informer_->ByIndex("label", label)) out += thing->name;
    return out;
  };
  EXPECT_EQ(names("x"), "ac");
  Put("b", "x");
  Put("a", "z");
  Remove("c");
  Run();
  EXPECT_EQ(names("x"), "b");
  EXPECT_EQ(names("y"), "");
  EXPECT_EQ(names("z"), "a");
  EXPECT_THAT(informer_->ByIndex("no such index", "x"), IsEmpty());
}

// Scenario 2.
TEST_F(InformerTest, PagesThatExpireAreThrownAwayForOneFullList) {
  for (int i = 0; i < 7; ++i) Put("p" + std::to_string(i));
  int pages = 0;
  api_.Intercept([&](const FakeApi::Request& request) -> std::optional<FakeApi::Answer> {
    if (request.Query("continue").empty()) return std::nullopt;
    if (++pages == 1) api_.Compact();
    return std::nullopt;
  });
  Start({.page_limit = 3});
  Run();
  EXPECT_TRUE(informer_->synced());
  EXPECT_EQ(informer_->size(), 7U);
  EXPECT_EQ(TakeLog().size(), 7U);
  EXPECT_EQ(Lists(), 3U);  // a page, the expired one, everything
  for (const auto& request : api_.requests()) EXPECT_NE(request.Query("continue"), "inconsistent");
}

// Scenario 3.
TEST_F(InformerTest, ListsFromTheServersCacheWithoutPages) {
  for (int i = 0; i < 6; ++i) Put("p" + std::to_string(i));
  Start({.from = ListFrom::kServerCache, .page_limit = 2});
  Run();
  EXPECT_EQ(informer_->size(), 6U);
  EXPECT_EQ(Lists(), 1U);
  EXPECT_EQ(api_.requests()[0].Query("resourceVersion"), "0");
  EXPECT_EQ(api_.requests()[0].Query("limit"), "");
  // After an expiry: not older than what is known.
  api_.BreakWatches();
  api_.Compact();
  const std::string known = LastWatchFrom();
  api_.ForgetRequests();
  Run(absl::Minutes(1));
  ASSERT_EQ(Lists(), 1U);
  for (const auto& request : api_.requests()) {
    if (request.IsWatch()) continue;
    EXPECT_EQ(request.Query("resourceVersion"), known);
    EXPECT_EQ(request.Query("resourceVersionMatch"), "NotOlderThan");
  }
}

// Scenario 6: a server that is behind is waited for, and then asked for whatever it has latest.
TEST_F(InformerTest, AVersionFromTheFutureEndsInALatestList) {
  Put("a");
  Start({.from = ListFrom::kServerCache});
  Run();
  api_.Fail("GET", "pods", true, {.status = 0, .after = FakeApi::After::kBreak});
  api_.BreakWatches();
  const auto too_new = FakeApi::Answer{
      .status = 504,
      .body =
          R"({"kind":"Status","status":"Failure","code":504,"reason":"Timeout","message":"Timeout",
                  "details":{"causes":[{"reason":"ResourceVersionTooLarge","message":"x"}],
                             "retryAfterSeconds":1}})"};
  api_.Compact();
  api_.Fail("GET", "pods", false, too_new, 2);
  api_.ForgetRequests();
  Run(absl::Minutes(2));
  std::vector<std::string> from;
  for (const auto& request : api_.requests()) {
    if (!request.IsWatch()) from.push_back(request.Query("resourceVersion"));
  }
  ASSERT_EQ(from.size(), 3U);
  EXPECT_EQ(from[0], from[1]);
  EXPECT_EQ(from[2], "");
  EXPECT_EQ(api_.watches(), 1U);
}

// Scenarios 9 and 10.
TEST_F(InformerTest, AnExpiredVersionLeadsToANewListAndHandlersHearTheDifference) {
  for (const bool as_event : {true, false}) {
    FakeApi::Answer expired = FakeApi::Status(410, "Expired", "too old resource version: 1 (231)");
    Put("kept", "1");
    Put("changed", "1");
    Put("gone", "1");
    Start();
    Run(absl::Minutes(1));
    TakeLog();
    if (as_event) {
      expired = {.body = R"({"type":"ERROR","object":)" +
                         expired.body.substr(0, expired.body.size() - 1) + "}\n"};
    }
    api_.Fail("GET", "pods", true, expired);
    api_.ForgetRequests();
    api_.EndWatches();
    Put("changed", "2");
    Put("new", "1");
    Remove("gone");
    Run(absl::Minutes(1));
    EXPECT_EQ(Lists(), 1U) << as_event;
    EXPECT_THAT(TakeLog(), ElementsAre("~changed12", "+new1", "-gone1?")) << as_event;
    EXPECT_EQ(informer_->size(), 3U);
    EXPECT_EQ(api_.watches(), 1U);
    for (const char* name : {"kept", "changed", "new"}) Remove(name);
    Run();
    informer_.reset();
    TakeLog();
    EXPECT_EQ(api_.watches(), 0U);
  }
}

// A server that says "expired" every time is not asked for everything again and again.
TEST_F(InformerTest, ListsThatDoNotHelpAreSpreadOut) {
  Put("a");
  api_.Fail("GET", "pods", true, FakeApi::Status(410, "Expired", "too old"), 1000);
  Start();
  Run(absl::Minutes(5));
  EXPECT_GE(Lists(), 5U);
  EXPECT_LE(Lists(), 20U);
  EXPECT_TRUE(informer_->synced());
}

// Scenario 17.
TEST_F(InformerTest, AnObjectMadeAnewUnderItsNameIsDeletedAndAdded) {
  Put("a", "1");
  Start();
  Run();
  TakeLog();
  api_.BreakWatches();
  transport_.refuse = true;
  Remove("a");
  Put("a", "2");
  api_.Compact();
  Run(absl::Seconds(20));
  transport_.refuse = false;
  Run(absl::Minutes(1));
  EXPECT_THAT(TakeLog(), ElementsAre("-a1?", "+a2"));
  Run(absl::Minutes(1));
  EXPECT_THAT(TakeLog(), IsEmpty());
}

// Scenario 11.
TEST_F(InformerTest, ASelectorsObjectsComeAndGoWithTheirLabels) {
  Start({.collection = {.label_selector = "l=in"}});
  Put("a", "in");
  Put("b", "out");
  Run();
  EXPECT_THAT(TakeLog(), ElementsAre("+ain"));
  Put("a", "out");
  Put("b", "in");
  Run();
  EXPECT_THAT(TakeLog(), ElementsAre("-ain", "+bin"));
  EXPECT_EQ(informer_->size(), 1U);
}

// Scenario 12.
TEST_F(InformerTest, ABookmarkMovesTheNextWatchesStart) {
  Put("a");
  Start();
  Run(absl::Seconds(2));
  api_.Put("/api/v1/configmaps", Pod("unrelated"));
  api_.Bookmark();
  Run();
  const std::string marked = std::to_string(api_.version());
  EXPECT_EQ(informer_->reflector().resource_version(), marked);
  EXPECT_EQ(informer_->reflector().counters().bookmarks, 1U);
  api_.BreakWatches();
  Run();
  EXPECT_EQ(LastWatchFrom(), marked);
  EXPECT_EQ(Lists(), 1U);
}

// Scenario 13, and nothing is lost or told twice across the ends.
TEST_F(InformerTest, WatchesThatEndAreResumedWithoutALossOrARepetition) {
  Start();
  Run();
  std::vector<std::string> want;
  for (int i = 0; i < 20; ++i) {
    const std::string name = "p" + std::to_string(i);
    Put(name);
    want.push_back("+" + name);
    if (i % 3 == 0) Run(absl::Seconds(1.5));
    if (i % 2 == 0) api_.EndWatches();
    if (i % 5 == 0) api_.BreakWatches();
  }
  Run(absl::Minutes(2));
  EXPECT_EQ(TakeLog(), want);
  EXPECT_EQ(Lists(), 1U);
  // An event that comes twice is told once.
  api_.SendRaw(json::Dump({{"type", "MODIFIED"}, {"object", *api_.Find(kPods, "ns", "p19")}}) +
               "\n");
  Run();
  EXPECT_THAT(TakeLog(), IsEmpty());
}

// Scenario 14.
TEST_F(InformerTest, WatchesThatEndAtOnceAreTriedLessAndLessOften) {
  chance_ = 0.999;
  Start();
  std::vector<absl::Duration> at;
  api_.Intercept([&](const FakeApi::Request& request) -> std::optional<FakeApi::Answer> {
    if (!request.IsWatch()) return std::nullopt;
    at.push_back(loop_.Monotonic());
    return FakeApi::Answer{.stream = true};
  });
  Run(absl::Minutes(4));
  ASSERT_GE(at.size(), 8U);
  for (size_t i = 2; i < at.size(); ++i) {
    EXPECT_GE(at[i] - at[i - 1], at[i - 1] - at[i - 2] - absl::Milliseconds(5));
    EXPECT_LE(at[i] - at[i - 1], absl::Seconds(30.1));
  }
  EXPECT_GT(at.back() - at[at.size() - 2], absl::Seconds(20));
  EXPECT_EQ(Lists(), 1U);
  EXPECT_EQ(informer_->reflector().last_error().code(), absl::StatusCode::kUnavailable);
}

// Scenario 15.
TEST_F(InformerTest, ABusyOrAbsentServerIsAskedForTheSameWatchAgain) {
  Start();
  Run(absl::Seconds(2));
  const std::string from = informer_->reflector().resource_version();
  api_.Fail("GET", "pods", true, FakeApi::Plain(429, "busy\n"), 3);
  api_.EndWatches();
  Run(absl::Minutes(1));
  EXPECT_EQ(Lists(), 1U);
  EXPECT_EQ(LastWatchFrom(), from);
  EXPECT_EQ(api_.watches(), 1U);

  transport_.refuse = true;
  api_.BreakWatches();
  Run(absl::Minutes(3));
  EXPECT_EQ(informer_->reflector().state(), ReflectorState::kWatchPause);
  Put("a");
  transport_.refuse = false;
  Run(absl::Minutes(1));
  EXPECT_EQ(Lists(), 1U);
  EXPECT_THAT(TakeLog(), ElementsAre("+a"));
}

TEST_F(InformerTest, InternalErrorsOfAWatchEndInANewList) {
  Start();
  Run(absl::Seconds(2));
  api_.Fail("GET", "pods", true, FakeApi::Status(500, "InternalError", "oops"), 1000);
  api_.EndWatches();
  Run(absl::Seconds(40));
  EXPECT_EQ(Lists(), 1U);
  Run(absl::Minutes(5));
  EXPECT_GE(Lists(), 2U);
}

// Scenario 16, through the whole path.
TEST_F(InformerTest, ChunksMayEndAnywhere) {
  for (const size_t chunk : {1, 2, 7, 64}) {
    transport_.chunk = chunk;
    Put("a", "1");
    Start();
    Run();
    Put("a", "2");
    Put("b", "x");
    Run();
    EXPECT_THAT(TakeLog(), ElementsAre("+a1", "~a12", "+bx")) << chunk;
    informer_.reset();
    Remove("a");
    Remove("b");
  }
}

TEST_F(InformerTest, HalfAnEventIsABrokenStream) {
  Put("a", "1");
  Start();
  Run(absl::Seconds(2));
  TakeLog();
  api_.SendRaw(R"({"type":"ADDED","object":{"metadata":{"na)");
  api_.EndWatches();
  Put("b", "2");
  Run(absl::Minutes(1));
  EXPECT_THAT(TakeLog(), ElementsAre("+b2"));
  EXPECT_EQ(Lists(), 1U);
}

// Something that will never be readable must not hold everything up.
TEST_F(InformerTest, AnEventThatCannotBeReadEndsInANewList) {
  Put("a", "1");
  Start();
  Run(absl::Seconds(2));
  TakeLog();
  api_.Intercept([&](const FakeApi::Request& request) -> std::optional<FakeApi::Answer> {
    if (!request.IsWatch() || Lists() > 1) return std::nullopt;
    return FakeApi::Answer{.body = "{\"type\":\"ADDED\",oops}\n", .stream = true};
  });
  api_.EndWatches();
  Put("b", "2");
  Run(absl::Minutes(1));
  EXPECT_EQ(Lists(), 2U);
  EXPECT_THAT(TakeLog(), ElementsAre("+b2"));
}

TEST_F(InformerTest, AnObjectThatCannotBeDecodedStaysWhatItWas) {
  Put("a", "1");
  Put("b", "broken");
  Start();
  Run();
  EXPECT_EQ(informer_->size(), 1U);
  EXPECT_EQ(informer_->broken().size(), 1U);
  TakeLog();
  Put("a", "broken");
  Put("b", "2");
  Run();
  EXPECT_THAT(TakeLog(), ElementsAre("+b2"));
  EXPECT_EQ(informer_->Get({"ns", "a"})->label, "1");
  ASSERT_EQ(informer_->broken().count({"ns", "a"}), 1U);
  // A new list does not take it for deleted.
  api_.Compact();
  api_.EndWatches();
  Run(absl::Minutes(1));
  EXPECT_EQ(informer_->Get({"ns", "a"})->label, "1");
  Put("a", "3");
  Run();
  EXPECT_THAT(TakeLog(), ElementsAre("~a13"));
  EXPECT_THAT(informer_->broken(), IsEmpty());
}

TEST_F(InformerTest, ALateHandlerHearsOfEverythingThatIsThere) {
  Put("a", "1");
  Put("b", "1");
  Start();
  Run();
  TakeLog();
  informer_->AddHandler(Log());
  Run();
  EXPECT_THAT(TakeLog(), ElementsAre("+a1", "+b1"));
  Put("c", "1");
  Run();
  EXPECT_THAT(TakeLog(), ElementsAre("+c1", "+c1"));
}

TEST_F(InformerTest, FailedListsAreRepeatedAndSayWhy) {
  Put("a");
  api_.Fail("GET", "pods", false, FakeApi::Status(403, "Forbidden", "no rights"), 2);
  Start();
  Run();
  EXPECT_FALSE(informer_->synced());
  EXPECT_TRUE(absl::IsPermissionDenied(informer_->reflector().last_error()));
  EXPECT_EQ(informer_->reflector().state(), ReflectorState::kListPause);
  Run(absl::Minutes(1));
  EXPECT_TRUE(informer_->synced());
}

TEST_F(InformerTest, AnEventFloodIsBounded) {
  Start({.max_waiting_events = 10});
  Run(absl::Seconds(20));
  std::string flood;
  for (int i = 0; i < 50; ++i) {
    flood += json::Dump({{"type", "ADDED"}, {"object", Pod("f" + std::to_string(i))}}) + "\n";
  }
  transport_.chunk = flood.size();
  api_.SendRaw(flood);
  Put("real");
  Run(absl::Minutes(1));
  EXPECT_EQ(Lists(), 2U);
  EXPECT_EQ(informer_->size(), 1U);
}

TEST_F(InformerTest, StopEndsEverything) {
  Start();
  Run();
  EXPECT_EQ(transport_.calls(), 1U);
  informer_->Stop();
  EXPECT_EQ(transport_.calls(), 0U);
  EXPECT_EQ(informer_->reflector().state(), ReflectorState::kStopped);
  const size_t before = api_.requests().size();
  Run(absl::Minutes(30));
  EXPECT_EQ(api_.requests().size(), before);
}

TEST(ReflectorStates, TheTableIsWhole) {
  using S = ReflectorState;
  using E = ReflectorEvent;
  int known = 0;
  for (const S state :
       {S::kIdle, S::kListing, S::kListPause, S::kWatching, S::kWatchPause, S::kStopped}) {
    EXPECT_EQ(NextReflectorState(state, E::kStop), S::kStopped);
    EXPECT_FALSE(ReflectorStateName(state).empty());
    for (const E event : {E::kStart, E::kListed, E::kListAnew, E::kListLater, E::kWatchAgain,
                          E::kWatchLater, E::kPauseOver}) {
      known += NextReflectorState(state, event).has_value() ? 1 : 0;
    }
  }
  EXPECT_EQ(known, static_cast<int>(std::size(kReflectorTransitions)));
  // Nothing leads out of the end.
  EXPECT_EQ(NextReflectorState(S::kStopped, E::kStart), std::nullopt);
}

}  // namespace
}  // namespace rekindle::client
