// GET of objects and collections (spec kubernetes-api 3, 5).
#include "tests/controller/apiserver/registry/registry_fixture.h"

namespace rekindle::apiserver {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ListTest : public RegistryTest {
 protected:
  void Fill(int count) {
    for (int i = 1; i <= count; ++i) {
      Json object = ConfigMap("c" + std::to_string(i));
      object["metadata"]["labels"] = {{"odd", i % 2 == 1 ? "yes" : "no"}};
      ASSERT_EQ(Create(object).code, 201);
    }
  }
  static Tune Labels(const std::string& text) {
    return [text](Call& call) { call.label_selector = text; };
  }
  static Tune Fields(const std::string& text) {
    return [text](Call& call) { call.field_selector = text; };
  }
};

TEST_F(ListTest, Shape) {
  Fill(2);
  const Result list = List("ConfigMap");
  ASSERT_EQ(list.code, 200) << list.message();
  EXPECT_EQ(list.body["kind"], "ConfigMapList");
  EXPECT_EQ(list.body["apiVersion"], "v1");
  EXPECT_EQ(list.rv(), std::to_string(store_->revision()));
  EXPECT_THAT(Names(list), ElementsAre("c1", "c2"));
  EXPECT_FALSE(list.body["items"][0].contains("kind"));
  EXPECT_TRUE(list.body["items"][0]["metadata"].contains("resourceVersion"));
  EXPECT_FALSE(list.body["metadata"].contains("continue"));
}

TEST_F(ListTest, CustomItemsSayWhatTheyAre) {
  ASSERT_EQ(Create(CloneSet("a")).code, 201);
  const Result list = List("CloneSet");
  EXPECT_EQ(list.body["kind"], "CloneSetList");
  EXPECT_EQ(list.body["items"][0]["kind"], "CloneSet");
  EXPECT_EQ(list.body["items"][0]["apiVersion"], "apps.kruise.io/v1beta1");
}

// Scenario 1.
TEST_F(ListTest, Pages) {
  Fill(7);
  std::vector<size_t> sizes;
  std::vector<std::string> revisions;
  std::vector<std::string> names;
  std::vector<Json> remaining;
  std::string token;
  do {
    const Result page = List("ConfigMap", [&](Call& call) {
      call.limit = 3;
      call.continue_token = token;
    });
    ASSERT_EQ(page.code, 200) << page.message();
    for (const std::string& name : Names(page)) names.push_back(name);
    sizes.push_back(page.body["items"].size());
    revisions.push_back(page.rv());
    remaining.push_back(page.body["metadata"].value("remainingItemCount", Json()));
    token = page.body["metadata"].value("continue", "");
    // What changes meanwhile is not in the snapshot.
    ASSERT_EQ(Create(ConfigMap("d" + std::to_string(sizes.size()))).code, 201);
    ASSERT_EQ(Patch("ConfigMap", "c7", PatchType::kMerge,
                    R"({"data":{"n":")" + std::to_string(sizes.size()) + "\"}}")
                  .code,
              200);
  } while (!token.empty());
  EXPECT_THAT(sizes, ElementsAre(3, 3, 1));
  EXPECT_EQ(revisions[1], revisions[0]);
  EXPECT_EQ(revisions[2], revisions[0]);
  EXPECT_THAT(names, ElementsAre("c1", "c2", "c3", "c4", "c5", "c6", "c7"));
  EXPECT_THAT(remaining, ElementsAre(Json(4), Json(1), Json()));
}

TEST_F(ListTest, PagesWithSelectors) {
  Fill(7);
  const Result page = List("ConfigMap", [](Call& call) {
    call.limit = 2;
    call.label_selector = "odd=yes";
  });
  EXPECT_THAT(Names(page), ElementsAre("c1", "c3"));
  EXPECT_FALSE(page.body["metadata"].contains("remainingItemCount"));
  const std::string token = page.body["metadata"].value("continue", "");
  const Result rest = List("ConfigMap", [&](Call& call) {
    call.limit = 10;
    call.label_selector = "odd=yes";
    call.continue_token = token;
  });
  EXPECT_THAT(Names(rest), ElementsAre("c5", "c7"));
  EXPECT_FALSE(rest.body["metadata"].contains("continue"));
}

// Scenario 2.
TEST_F(ListTest, CompactedSnapshot) {
  Fill(4);
  const Result page = List("ConfigMap", [](Call& call) { call.limit = 2; });
  ASSERT_EQ(Create(ConfigMap("z")).code, 201);
  ASSERT_TRUE(store_->CompactTo(store_->revision()).ok());
  const Result gone = List("ConfigMap", [&](Call& call) {
    call.limit = 2;
    call.continue_token = page.body["metadata"]["continue"];
  });
  EXPECT_EQ(gone.code, 410);
  EXPECT_EQ(gone.error.reason, "Expired");
  ASSERT_NE(gone.error.continue_token, "");
  // The rest as it is now, with a revision of its own.
  const Result rest =
      List("ConfigMap", [&](Call& call) { call.continue_token = gone.error.continue_token; });
  EXPECT_THAT(Names(rest), ElementsAre("c3", "c4", "z"));
  EXPECT_NE(rest.rv(), page.rv());
}

// Scenario 3.
TEST_F(ListTest, RevisionZeroKnowsNoLimit) {
  Fill(6);
  const Result list = List("ConfigMap", [](Call& call) {
    call.limit = 2;
    call.resource_version = "0";
  });
  EXPECT_EQ(Names(list).size(), 6u);
}

// Scenario 4.
TEST_F(ListTest, ExactRevisions) {
  Fill(2);
  const std::string rv = List("ConfigMap").rv();
  ASSERT_EQ(Create(ConfigMap("later")).code, 201);
  struct Row {
    const char* match;
    size_t limit;
    size_t found;
  };
  for (const Row& row : std::vector<Row>{{"Exact", 0, 2},
                                         {"NotOlderThan", 0, 3},
                                         {"", 0, 3},
                                         {"", 10, 2},
                                         {"NotOlderThan", 10, 3}}) {
    const Result list = List("ConfigMap", [&](Call& call) {
      call.resource_version = rv;
      call.resource_version_match = row.match;
      call.limit = row.limit;
    });
    ASSERT_EQ(list.code, 200) << list.message();
    EXPECT_EQ(Names(list).size(), row.found) << row.match << " " << row.limit;
    EXPECT_EQ(list.rv() == rv, row.found == 2) << row.match;
  }
}

TEST_F(ListTest, RevisionsThatAreGone) {
  Fill(2);
  const std::string rv = List("ConfigMap").rv();
  Fill(0);
  ASSERT_EQ(Create(ConfigMap("later")).code, 201);
  ASSERT_TRUE(store_->CompactTo(store_->revision()).ok());
  const Result gone = List("ConfigMap", [&](Call& call) {
    call.resource_version = rv;
    call.resource_version_match = "Exact";
  });
  EXPECT_EQ(gone.code, 410);
  EXPECT_EQ(gone.message(), "The resourceVersion for the provided list is too old.");
}

// Scenarios 5 and 6.
TEST_F(ListTest, BadRevisions) {
  struct Row {
    const char* rv;
    const char* match;
    const char* token;
    int code;
    const char* message;
  };
  for (const Row& row : std::vector<Row>{
           {"", "Exact", "", 422,
            "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless "
            "resourceVersion is provided"},
           {"0", "Exact", "", 422,
            "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""},
           {"1", "Foo", "", 422,
            "Unsupported value: \"Foo\": supported values: \"Exact\", \"NotOlderThan\", \"\""},
           {"abc", "", "", 500, "strconv.ParseUint: parsing \"abc\": invalid syntax"},
           {"-1", "", "", 500, "strconv.ParseUint: parsing \"-1\": invalid syntax"},
           {"99999999", "", "", 504, "Timeout: Too large resource version: 99999999, current: "},
           {"5", "", "xx", 400, "specifying resource version is not allowed when using continue"},
           {"", "", "%", 400, "invalid continue token: "}}) {
    const Result refused = List("ConfigMap", [&](Call& call) {
      call.resource_version = row.rv;
      call.resource_version_match = row.match;
      call.continue_token = row.token;
    });
    EXPECT_EQ(refused.code, row.code) << row.rv << " " << row.match;
    EXPECT_THAT(refused.message(), HasSubstr(row.message));
  }
  const Result future =
      Get("Namespace", "default", [](Call& call) { call.resource_version = "99999999"; });
  EXPECT_EQ(future.code, 504);
  EXPECT_EQ(future.error.retry_after_seconds, 1);
  EXPECT_THAT(future.causes(), ElementsAre("ResourceVersionTooLarge : Too large resource version"));
}

TEST_F(ListTest, LabelSelectors) {
  Fill(4);
  EXPECT_THAT(Names(List("ConfigMap", Labels("odd=yes"))), ElementsAre("c1", "c3"));
  EXPECT_THAT(Names(List("ConfigMap", Labels("odd!=yes"))), ElementsAre("c2", "c4"));
  EXPECT_THAT(Names(List("ConfigMap", Labels("!odd"))), ElementsAre());
  const Result bad = List("ConfigMap", Labels("a b"));
  EXPECT_EQ(bad.code, 400);
  EXPECT_THAT(bad.message(), HasSubstr("unable to parse requirement"));
}

TEST_F(ListTest, FieldSelectors) {
  Fill(3);
  EXPECT_THAT(Names(List("ConfigMap", Fields("metadata.name=c2"))), ElementsAre("c2"));
  EXPECT_THAT(Names(List("ConfigMap", Fields("metadata.name=zz"))), ElementsAre());
  EXPECT_THAT(Names(List("ConfigMap", Fields("metadata.name!=c2"))), ElementsAre("c1", "c3"));
  EXPECT_THAT(Names(List("ConfigMap", Fields("metadata.name=c2,metadata.namespace=other"))),
              ElementsAre());
  name_space_ = "";
  EXPECT_THAT(Names(List("ConfigMap", Fields("metadata.name=c2,metadata.namespace=default"))),
              ElementsAre("c2"));
  name_space_ = "default";
  const Result bad = List("ConfigMap", Fields("spec.x=1"));
  EXPECT_EQ(bad.code, 400);
  EXPECT_EQ(bad.message(),
            "\"spec.x\" is not a known field selector: only \"metadata.name\", "
            "\"metadata.namespace\"");
  EXPECT_EQ(List("CloneSet", Fields("spec.replicas=1")).message(),
            "field label not supported: spec.replicas");
}

TEST_F(ListTest, OneNameKeepsItsLabelSelector) {
  Fill(2);
  const Result list = List("ConfigMap", [](Call& call) {
    call.field_selector = "metadata.name=c2";
    call.label_selector = "odd=yes";
  });
  EXPECT_THAT(Names(list), ElementsAre());
  EXPECT_EQ(list.rv(), std::to_string(store_->revision()));
}

TEST_F(ListTest, PodsOfANode) {
  ASSERT_EQ(Create(Pod("a")).code, 201);
  ASSERT_EQ(Create(Pod("b")).code, 201);
  RunPod("b");
  Json other = Pod("c");
  other["metadata"]["annotations"] = {{"likes", "n1"}};  // the same text in another place
  ASSERT_EQ(Create(other).code, 201);
  EXPECT_THAT(Names(List("Pod", Fields("spec.nodeName=n1"))), ElementsAre("b"));
  EXPECT_THAT(Names(List("Pod", Fields("spec.nodeName=n2"))), ElementsAre());
  EXPECT_THAT(Names(List("Pod", Fields("spec.nodeName!=n1"))), ElementsAre("a", "c"));
  EXPECT_THAT(Names(List("Pod", Fields("spec.nodeName="))), ElementsAre("a", "c"));
}

TEST_F(ListTest, AllNamespacesInOrder) {
  ASSERT_EQ(Create(ConfigMap("b")).code, 201);
  name_space_ = "kube-system";
  ASSERT_EQ(Create(ConfigMap("a")).code, 201);
  name_space_ = "default";
  ASSERT_EQ(Create(ConfigMap("c")).code, 201);
  name_space_ = "";
  EXPECT_THAT(Names(List("ConfigMap")), ElementsAre("b", "c", "a"));
}

// What is spliced says the same as what is parsed and printed.
TEST_F(ListTest, TextIsTheSameList) {
  Fill(5);
  ASSERT_EQ(Create(CloneSet("x")).code, 201);
  for (const char* kind : {"ConfigMap", "CloneSet"}) {
    for (const char* labels : {"", "odd=yes"}) {
      for (const char* fields : {"", "metadata.name!=c1"}) {
        for (const size_t limit : {0, 2}) {
          const auto tune = [&](bool text) {
            return [&, text](Call& call) {
              call.label_selector = labels;
              call.field_selector = fields;
              call.limit = limit;
              call.as_text = text;
            };
          };
          const Result tree = List(kind, tune(false));
          const Result text = List(kind, tune(true));
          ASSERT_FALSE(text.text.empty());
          EXPECT_EQ(Json::parse(text.text), tree.body) << kind << labels << fields << limit;
        }
      }
    }
  }
  const Result object = Get("ConfigMap", "c1", [](Call& call) { call.as_text = true; });
  EXPECT_EQ(Json::parse(object.text), Get("ConfigMap", "c1").body);
}

TEST_F(ListTest, MissingObjects) {
  const Result missing = Get("CloneSet", "demo");
  EXPECT_EQ(missing.code, 404);
  EXPECT_EQ(missing.message(), "clonesets.apps.kruise.io \"demo\" not found");
  EXPECT_EQ(missing.error.group, "apps.kruise.io");
  EXPECT_EQ(missing.error.kind, "clonesets");
}

}  // namespace
}  // namespace rekindle::apiserver
