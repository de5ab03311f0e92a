// Watches (spec kubernetes-api 6).
#include "absl/strings/str_cat.h"

#include "tests/controller/apiserver/registry/registry_fixture.h"

namespace rekindle::apiserver {
namespace {

using testing::ElementsAre;

class WatchTest : public RegistryTest {
 protected:
  static Tune From(const std::string& rv) {
    return [rv](Call& call) { call.resource_version = rv; };
  }
  std::shared_ptr<Recorder> recorder_ = std::make_shared<Recorder>();
};

// Scenario 7.
TEST_F(WatchTest, EveryChangeAfterARevision) {
  const std::string rv = Create(ConfigMap("a")).rv();
  const auto handle = Watch("ConfigMap", recorder_, From(rv));
  Create(ConfigMap("b"));
  const std::string changed = Update(ConfigMap("a", "2")).rv();
  Delete("ConfigMap", "b");
  EXPECT_THAT(recorder_->Await(3), ElementsAre("ADDED b", "MODIFIED a", "DELETED b"));
  const std::vector<WatchEvent> events = recorder_->events();
  EXPECT_EQ((*events[1].object)["metadata"]["resourceVersion"], changed);
  EXPECT_EQ((*events[1].object)["kind"], "ConfigMap");
  EXPECT_EQ((*events[1].object)["data"]["a"], "2");
  EXPECT_EQ((*events[2].object)["metadata"]["resourceVersion"], std::to_string(store_->revision()));
}

// Scenario 8, pitfall 11.
TEST_F(WatchTest, WithoutRevisionWhatThereIsComesFirst) {
  Create(ConfigMap("a"));
  Create(ConfigMap("b"));
  for (const char* rv : {"", "0"}) {
    const auto recorder = std::make_shared<Recorder>();
    const auto handle = Watch("ConfigMap", recorder, From(rv));
    EXPECT_THAT(recorder->Await(2), ElementsAre("ADDED a", "ADDED b"));
    Update(ConfigMap("a", absl::StrCat("then", rv)));
    EXPECT_THAT(recorder->Await(3), ElementsAre("ADDED a", "ADDED b", "MODIFIED a"));
  }
}

TEST_F(WatchTest, OldChangesAreReplayed) {
  const std::string rv = List("ConfigMap").rv();
  Create(ConfigMap("a"));
  Update(ConfigMap("a", "2"));
  Update(ConfigMap("a", "3"));
  const auto handle = Watch("ConfigMap", recorder_, From(rv));
  EXPECT_THAT(recorder_->Await(3), ElementsAre("ADDED a", "MODIFIED a", "MODIFIED a"));
  const std::vector<WatchEvent> events = recorder_->events();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ((*events[static_cast<size_t>(i)].object)["data"]["a"], std::to_string(i + 1));
  }
}

// Scenarios 9 and 10.
TEST_F(WatchTest, CompactedRevisions) {
  const std::string rv = List("ConfigMap").rv();
  Create(ConfigMap("a"));
  Create(ConfigMap("b"));
  ASSERT_TRUE(store_->CompactTo(store_->revision()).ok());
  const auto error = api::FromStatus(WatchError("ConfigMap", From(rv)));
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code, 410);
  EXPECT_EQ(error->reason, "Expired");
  EXPECT_EQ(error->message,
            absl::StrCat("too old resource version: ", rv, " (", store_->revision(), ")"));
}

TEST_F(WatchTest, BadStarts) {
  EXPECT_EQ(api::FromStatus(WatchError("ConfigMap", From("abc")))->code, 500);
  EXPECT_EQ(api::FromStatus(WatchError("ConfigMap", From("99999999")))->code, 504);
  EXPECT_EQ(
      api::FromStatus(WatchError("ConfigMap", [](Call& call) { call.label_selector = "a b"; }))
          ->code,
      400);
}

// Scenario 11.
TEST_F(WatchTest, InAndOutOfASelector) {
  Json object = ConfigMap("a");
  object["metadata"]["labels"] = {{"app", "web"}};
  const std::string rv = Create(object).rv();
  Create(ConfigMap("other"));
  const auto handle = Watch("ConfigMap", recorder_, [&](Call& call) {
    call.resource_version = rv;
    call.label_selector = "app=web";
  });
  const auto label = [&](const std::string& value) {
    return Patch("ConfigMap", "a", PatchType::kMerge,
                 R"({"metadata":{"labels":{"app":)" + value + "}}}");
  };
  label("\"db\"");
  const std::string left = Get("ConfigMap", "a").rv();
  label("null");
  label("\"web\"");
  Patch("ConfigMap", "a", PatchType::kMerge, R"({"data":{"b":"2"}})");
  Delete("ConfigMap", "other");
  Delete("ConfigMap", "a");
  EXPECT_THAT(recorder_->Await(4), ElementsAre("DELETED a", "ADDED a", "MODIFIED a", "DELETED a"));
  const Json gone = *recorder_->events()[0].object;
  EXPECT_EQ(gone["metadata"]["labels"]["app"], "web");
  EXPECT_EQ(gone["metadata"]["resourceVersion"], left);
}

// What is spliced from the stored text is what a tree would have been.
TEST_F(WatchTest, TextsAreTheSameEvents) {
  Create(Pod("there"));
  Create(CloneSet("there", "v1alpha1"));
  struct Case {
    const char* kind;
    const char* labels;
    const char* fields;
    size_t events;
  };
  const std::vector<Case> cases = {
      {"Pod", "", "", 5},
      {"Pod", "", "spec.nodeName=n1", 4},
      {"Pod", "app=web", "", 3},  // loses its label
      {"Pod", "", "status.phase!=Running", 5},
      {"CloneSet", "", "", 4},
  };
  const auto tune = [](const Case& one, bool text) {
    return [&one, text](Call& call) {
      call.label_selector = one.labels;
      call.field_selector = one.fields;
      call.as_text = text;
    };
  };
  std::vector<std::shared_ptr<Recorder>> trees;
  std::vector<std::shared_ptr<Recorder>> texts;
  std::vector<std::unique_ptr<WatchHandle>> handles;
  for (const Case& one : cases) {
    for (const bool text : {false, true}) {
      auto& recorders = text ? texts : trees;
      recorders.push_back(std::make_shared<Recorder>());
      handles.push_back(Watch(one.kind, recorders.back(), tune(one, text)));
    }
  }
  Json pod = Pod("p");
  pod["spec"]["nodeName"] = "n1";
  ASSERT_EQ(Create(pod).code, 201);
  const auto label = [&](const std::string& value) {
    return Patch("Pod", "p", PatchType::kMerge, R"({"metadata":{"labels":{"app":)" + value + "}}}")
        .code;
  };
  ASSERT_EQ(label("\"db\""), 200);
  ASSERT_EQ(label("null"), 200);
  ASSERT_EQ(Create(CloneSet("c", "v1alpha1")).code, 201);
  ASSERT_EQ(Patch("CloneSet", "c", PatchType::kMerge, R"({"spec":{"replicas":7}})").code, 200);
  Delete("CloneSet", "c");
  ASSERT_EQ(Delete("Pod", "p", [](Call& call) { call.grace_period_seconds = 0; }).code, 200);
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(absl::StrCat(cases[i].kind, " ", cases[i].labels, cases[i].fields));
    ASSERT_EQ(trees[i]->Await(cases[i].events).size(), cases[i].events)
        << testing::PrintToString(trees[i]->Await(1));
    texts[i]->Await(cases[i].events);
    const std::vector<WatchEvent> expected = trees[i]->events();
    const std::vector<WatchEvent> found = texts[i]->events();
    ASSERT_EQ(found.size(), expected.size());
    for (size_t j = 0; j < found.size(); ++j) {
      EXPECT_EQ(found[j].type, expected[j].type);
      ASSERT_NE(found[j].text, nullptr);
      EXPECT_EQ(found[j].object, nullptr);
      EXPECT_EQ(Json::parse(*found[j].text), *expected[j].object) << j;
    }
  }
}

TEST_F(WatchTest, FieldSelectors) {
  const std::string rv = List("Pod").rv();
  const auto mine = std::make_shared<Recorder>();
  const auto one = Watch("Pod", mine, [&](Call& call) {
    call.resource_version = rv;
    call.field_selector = "metadata.name=b";
  });
  const auto node = Watch("Pod", recorder_, [&](Call& call) {
    call.resource_version = rv;
    call.field_selector = "spec.nodeName=n1";
  });
  Create(Pod("a"));
  Create(Pod("b"));
  RunPod("b");
  EXPECT_THAT(mine->Await(3), ElementsAre("ADDED b", "MODIFIED b", "MODIFIED b"));
  EXPECT_THAT(recorder_->Await(2), ElementsAre("ADDED b", "MODIFIED b"));
}

TEST_F(WatchTest, OneNamespaceOrAll) {
  const std::string rv = List("ConfigMap").rv();
  const auto mine = Watch("ConfigMap", recorder_, From(rv));
  name_space_ = "";
  const auto everything = std::make_shared<Recorder>();
  const auto all = Watch("ConfigMap", everything, From(rv));
  name_space_ = "kube-system";
  Create(ConfigMap("x"));
  name_space_ = "default";
  Create(ConfigMap("y"));
  EXPECT_THAT(everything->Await(2), ElementsAre("ADDED x", "ADDED y"));
  EXPECT_THAT(recorder_->Await(1), ElementsAre("ADDED y"));
}

// Scenario 12.
TEST_F(WatchTest, BookmarksSayHowFarItIs) {
  const std::string rv = List("ConfigMap").rv();
  const auto handle = Watch("ConfigMap", recorder_, [&](Call& call) {
    call.resource_version = rv;
    call.bookmarks = true;
  });
  const std::string then = Create(Pod("p")).rv();
  ASSERT_THAT(recorder_->Await(1), ElementsAre("BOOKMARK"));
  const Json mark = *recorder_->events()[0].object;
  EXPECT_EQ(mark["kind"], "ConfigMap");
  EXPECT_EQ(mark["metadata"]["resourceVersion"], then);
  const auto next = std::make_shared<Recorder>();
  const auto again = Watch("ConfigMap", next, From(then));
  Create(ConfigMap("a"));
  EXPECT_THAT(next->Await(1), ElementsAre("ADDED a"));
}

// Scenario 18 and 6.6.
TEST_F(WatchTest, StreamedLists) {
  Create(ConfigMap("a"));
  const auto ask = [](Call& call) {
    call.send_initial_events = true;
    call.resource_version_match = "NotOlderThan";
    call.bookmarks = true;
  };
  const auto handle = Watch("ConfigMap", recorder_, ask);
  ASSERT_THAT(recorder_->Await(2), ElementsAre("ADDED a", "BOOKMARK"));
  const Json mark = *recorder_->events()[1].object;
  EXPECT_EQ(mark["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
  EXPECT_EQ(mark["metadata"]["resourceVersion"], std::to_string(store_->revision()));
  Create(ConfigMap("b"));
  EXPECT_THAT(recorder_->Await(3), ElementsAre("ADDED a", "BOOKMARK", "ADDED b"));
  for (const Tune& tune :
       std::vector<Tune>{[](Call& call) { call.send_initial_events = true; },
                         [](Call& call) { call.resource_version_match = "NotOlderThan"; },
                         [&](Call& call) {
                           ask(call);
                           call.bookmarks = false;
                         }}) {
    EXPECT_EQ(api::FromStatus(WatchError("ConfigMap", tune))->code, 422);
  }
}

TEST_F(WatchTest, EachVersionSeesItsOwn) {
  const std::string rv = List("ConfigMap").rv();
  Call call = CallOf(Verb::kWatch, "apps.kruise.io/v1alpha1", "CloneSet", name_space_, "");
  call.resource_version = rv;
  auto old = registry_->Watch(call, recorder_);
  ASSERT_TRUE(old.ok()) << old.status();
  const auto newer = std::make_shared<Recorder>();
  const auto handle = Watch("CloneSet", newer, From(rv));
  ASSERT_EQ(Create(CloneSet("a")).code, 201);
  ASSERT_THAT(recorder_->Await(1), ElementsAre("ADDED a"));
  ASSERT_THAT(newer->Await(1), ElementsAre("ADDED a"));
  const Json alpha = *recorder_->events()[0].object;
  EXPECT_EQ(alpha["apiVersion"], "apps.kruise.io/v1alpha1");
  EXPECT_EQ(alpha["spec"]["updateStrategy"]["type"], "ReCreate");
  EXPECT_EQ((*newer->events()[0].object)["apiVersion"], "apps.kruise.io/v1beta1");
}

TEST_F(WatchTest, WatchersOfOneVersionShareTheTree) {
  const std::string rv = List("ConfigMap").rv();
  const auto other = std::make_shared<Recorder>();
  const auto first = Watch("ConfigMap", recorder_, From(rv));
  const auto second = Watch("ConfigMap", other, From(rv));
  Create(ConfigMap("a"));
  recorder_->Await(1);
  other->Await(1);
  EXPECT_EQ(recorder_->events()[0].object.get(), other->events()[0].object.get());
}

TEST_F(WatchTest, WhoTakesNoMoreGetsNoMore) {
  Create(ConfigMap("a"));
  recorder_->StopAfter(1);
  const auto handle = Watch("ConfigMap", recorder_, From(""));
  ASSERT_NE(handle, nullptr);
  Create(ConfigMap("b"));
  const auto other = std::make_shared<Recorder>();
  const auto all = Watch("ConfigMap", other, From(""));
  EXPECT_THAT(other->Await(2), ElementsAre("ADDED a", "ADDED b"));
  EXPECT_THAT(recorder_->Await(1), ElementsAre("ADDED a"));
}

TEST_F(WatchTest, ClosingEndsIt) {
  const auto handle = Watch("ConfigMap", recorder_, From(List("ConfigMap").rv()));
  store_->Close();
  const auto error = api::FromStatus(recorder_->AwaitError());
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code, 503);
}

}  // namespace
}  // namespace rekindle::apiserver
