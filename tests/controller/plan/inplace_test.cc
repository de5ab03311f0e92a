#include "controller/plan/inplace.h"

#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/container_hash.h"
#include "tests/controller/plan/fixtures.h"

namespace rekindle::plan {
namespace {

using api::PodRecord;
using api::Tri;
using testing::At;
using testing::J;
using testing::TemplateOf;
using testing::World;

// A template whose containers carry launch barriers "name=image@priority"; "-" means none.
Json Ordered(const std::vector<std::array<std::string, 3>>& containers) {
  Json out = TemplateOf({});
  for (const auto& [name, image, priority] : containers) {
    Json c = {{"name", name}, {"image", image}};
    if (priority != "-") {
      c["env"] = {
          {{"name", "KRUISE_CONTAINER_BARRIER"},
           {"valueFrom", {{"configMapKeyRef", {{"name", "b"}, {"key", "p_" + priority}}}}}}};
    }
    out["spec"]["containers"].push_back(c);
  }
  return out;
}

void ReadLabel(Json& tree, const std::string& container, const std::string& label) {
  for (Json& c : tree["spec"]["containers"]) {
    if (c["name"] == container) {
      c["env"].push_back(
          {{"name", "ENV_" + label},
           {"valueFrom", {{"fieldRef", {{"fieldPath", "metadata.labels['" + label + "']"}}}}}});
    }
  }
}

class InPlaceTest : public ::testing::Test {
 protected:
  InPlaceStep Start(const Json& from, const Json& to, int grace = 0, double now = 0) {
    before_ = world_.Rev("web-1", from);
    after_ = world_.Rev("web-2", to);
    comparison_ = Compare(before_, after_, options_, false);
    EXPECT_TRUE(comparison_.in_place) << Words(comparison_.refusal);
    pod_ = world_.Record(before_, desc_);
    return StartUpdate(pod_, comparison_, after_, grace, false, At(now), options_);
  }
  // What the kubelet does with the pod: containers with a new image run and are reported.
  void Settle(PodRecord& pod, bool ready = true) {
    for (size_t i = 0; i < pod.statuses.size(); ++i) {
      api::ContainerStatus& s = pod.statuses[i];
      const std::string image = pod.shape->containers[i].image.str();
      const std::string id = "id:" + image;
      if (s.image_id() == id) continue;
      s.image = std::make_shared<api::ImageStatus>(api::ImageStatus{image, id});
      s.id += 1;
      s.ready = ready;
    }
  }
  std::vector<std::string> Images(const InPlaceStep& step) {
    std::vector<std::string> out;
    for (const auto& [index, image] : step.images) {
      out.push_back(pod_.shape->containers[index].name + "=" + image.str());
    }
    return out;
  }
  std::string Batch(const InPlaceStep& step) {
    const api::InPlaceState state = api::ExpandState(*step.progress, *pod_.shape);
    return absl::StrJoin(state.batches.back().containers, ",");
  }

  World world_;
  InPlaceOptions options_;
  testing::PodDesc desc_;
  Revision before_, after_;
  Comparison comparison_;
  PodRecord pod_;
};

TEST_F(InPlaceTest, OneImageFromStartToReady) {
  const InPlaceStep step =
      Start(TemplateOf({"web=a:1", "log=l:1"}), TemplateOf({"web=a:2", "log=l:1"}));
  EXPECT_TRUE(step.set_unready);
  EXPECT_EQ(Images(step), std::vector<std::string>{"web=a:2"});
  EXPECT_EQ(step.revision->view(), "web-2");
  EXPECT_TRUE(step.progress->images);
  EXPECT_EQ(step.progress->must_be_ready, 0U);
  PodRecord pod = ApplyStep(pod_, step);
  EXPECT_EQ(pod.in_place_ready, Tri::kFalse);
  EXPECT_EQ(pod.ready, Tri::kFalse);
  Completion completion = CompletionOf(pod, options_);
  EXPECT_FALSE(completion.done);
  EXPECT_EQ(completion.why.code, Code::kImageUnchanged);
  EXPECT_FALSE(RefreshPod(pod, At(1), options_).step.has_value());
  Settle(pod);
  EXPECT_TRUE(CompletionOf(pod, options_).done);
  const Refresh refresh = RefreshPod(pod, At(2), options_);
  ASSERT_TRUE(refresh.step.has_value());
  EXPECT_TRUE(refresh.step->set_ready);
  EXPECT_FALSE(refresh.step->WritesPod());
  EXPECT_FALSE(RefreshPod(ApplyStep(pod, *refresh.step), At(3), options_).step.has_value());
}

TEST_F(InPlaceTest, StatusWriteComesBeforeThePodWriteAndResizeLast) {
  options_.vertical = true;
  Json from = TemplateOf({"web=a:1"});
  from["spec"]["containers"][0]["resources"] = J(R"({"requests":{"cpu":"200m","memory":"1Gi"}})");
  Json to = from;
  to["spec"]["containers"][0]["image"] = "a:2";
  to["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "250m";
  const InPlaceStep step = Start(from, to);
  std::vector<Write> writes = RenderWrites(pod_, step, At(0), options_);
  ASSERT_EQ(writes.size(), 3U);
  EXPECT_EQ(writes[0].kind, Write::Kind::kStatus);
  const Json& conditions = (*writes[0].body)["status"]["conditions"];
  EXPECT_EQ(conditions[0]["reason"], "StartInPlaceUpdate");
  EXPECT_EQ(conditions[1]["reason"], "ReadinessGatesNotReady");
  EXPECT_EQ(writes[1].kind, Write::Kind::kPod);
  EXPECT_EQ((*writes[1].body)["spec"]["containers"], J(R"([{"name":"web","image":"a:2"}])"));
  EXPECT_EQ((*writes[1].body)["metadata"]["labels"]["controller-revision-hash"], "web-2");
  EXPECT_EQ(writes[2].kind, Write::Kind::kResize);
  EXPECT_EQ((*writes[2].body)["spec"]["containers"],
            J(R"([{"name":"web","resources":{"requests":{"cpu":"250m"}}}])"));
  options_.resize_subresource = false;  // scenario 21
  writes = RenderWrites(pod_, step, At(0), options_);
  ASSERT_EQ(writes.size(), 2U);
  EXPECT_EQ((*writes[1].body)["spec"]["containers"][0]["resources"],
            J(R"({"requests":{"cpu":"250m"}})"));
}

TEST_F(InPlaceTest, PodWithoutGateIsNeverMadeNotReady) {
  desc_.gate = false;
  const InPlaceStep step = Start(TemplateOf({"web=a:1"}), TemplateOf({"web=a:2"}));
  EXPECT_FALSE(step.set_unready);
  EXPECT_FALSE(step.images.empty());
  PodRecord pod = ApplyStep(pod_, step);
  Settle(pod);
  EXPECT_FALSE(RefreshPod(pod, At(1), options_).step.has_value());
}

TEST_F(InPlaceTest, EnvironmentRestartTakesThePodOutOfService) {
  Json from = TemplateOf({"main=a:1"});
  from["metadata"]["labels"]["zone"] = "eu";
  ReadLabel(from, "main", "zone");
  Json to = from;
  to["metadata"]["labels"]["zone"] = "us";
  const InPlaceStep step = Start(from, to);
  EXPECT_TRUE(step.images.empty());
  EXPECT_TRUE(step.set_unready);
}

TEST_F(InPlaceTest, PlainMetadataDisturbsNobody) {
  Json to = TemplateOf({"web=a:1"});
  to["metadata"]["annotations"]["note"] = "x";
  const InPlaceStep step = Start(TemplateOf({"web=a:1"}), to, /*grace=*/30);
  EXPECT_FALSE(step.set_unready);
  EXPECT_FALSE(step.grace.has_value());
  EXPECT_EQ(Batch(step), "");
  EXPECT_EQ(step.metadata.set_annotations.Get("note"), "x");
  EXPECT_TRUE(CompletionOf(ApplyStep(pod_, step), options_).done);
}

TEST_F(InPlaceTest, FreshPodGetsItsConditionOnce) {
  desc_.gate_condition = false;
  const Revision r = world_.Rev("web-1", TemplateOf({"web=a:1"}));
  const PodRecord pod = world_.Record(r, desc_);
  const Refresh refresh = RefreshPod(pod, At(0), options_);
  ASSERT_TRUE(refresh.step.has_value());
  EXPECT_TRUE(refresh.step->set_ready);
  EXPECT_EQ(refresh.why.code, Code::kOpenGate);  // no update has been made on it
  EXPECT_EQ(ActionName(ActionOf(refresh)), "OpenGate");
  PodRecord noisy = ApplyStep(pod, *refresh.step);
  EXPECT_FALSE(RefreshPod(noisy, At(0), options_).step.has_value());
  noisy.in_place_noise = true;  // pitfall 47: replaced as a whole, once
  EXPECT_TRUE(RefreshPod(noisy, At(0), options_).step->set_ready);
}

TEST_F(InPlaceTest, GraceOfSection9) {
  const InPlaceStep step =
      Start(TemplateOf({"web=a:1"}), TemplateOf({"web=a:2"}), /*grace=*/25, /*now=*/0.9);
  EXPECT_TRUE(step.set_unready);
  EXPECT_TRUE(step.images.empty());
  ASSERT_TRUE(step.grace.has_value());
  EXPECT_EQ(step.grace->images.at("web"), "a:2");
  EXPECT_TRUE(step.progress->batches.empty());
  const PodRecord pod = ApplyStep(pod_, step);
  EXPECT_EQ(pod.revision.view(), "web-2");
  EXPECT_EQ(pod.shape->containers[0].image.view(), "a:1");
  EXPECT_FALSE(CompletionOf(pod, options_).done);
  Refresh refresh = RefreshPod(pod, At(10.4), options_);  // scenario 32
  EXPECT_FALSE(refresh.step.has_value());
  EXPECT_EQ(*refresh.wait, absl::Seconds(15));
  EXPECT_EQ(refresh.why.code, Code::kGraceRunning);
  refresh = RefreshPod(pod, At(25), options_);
  ASSERT_TRUE(refresh.step.has_value());
  EXPECT_TRUE(refresh.step->drop_grace);
  EXPECT_EQ(refresh.step->images.size(), 1U);
  EXPECT_EQ(refresh.step->progress->last_image_ids[0].text.view(), "id:a:1");  // scenario 37

  PodRecord relabelled = pod;  // scenario 34
  relabelled.revision = api::Text("web-9");
  refresh = RefreshPod(relabelled, At(30), options_);
  EXPECT_TRUE(refresh.step->drop_grace);
  EXPECT_TRUE(refresh.step->images.empty());

  PodRecord stateless = pod;  // scenario 33
  auto book = std::make_shared<api::InPlaceBook>(*pod.book);
  book->progress = std::nullopt;
  stateless.book = book;
  refresh = RefreshPod(stateless, At(30), options_);
  EXPECT_TRUE(refresh.error);
  EXPECT_EQ(refresh.why.code, Code::kGraceWithoutState);
}

TEST_F(InPlaceTest, BatchTableOf101) {
  struct Case {
    std::string name;
    std::vector<std::string> images;                          // containers with a new image
    std::vector<std::pair<std::string, std::string>> labels;  // label read by container
    std::vector<std::string> batches;
  };
  const Case cases[] = {
      {"images db, app", {"db", "app"}, {}, {"db", "app"}},
      {"images db, app, sidecar", {"db", "app", "sidecar"}, {}, {"db,sidecar", "app"}},
      {"images app only", {"app"}, {}, {"app"}},
      {"L read by db, M read by app", {}, {{"L", "db"}, {"M", "app"}}, {"db", "app"}},
      {"L read by both", {}, {{"L", "db"}, {"L", "app"}}, {"app,db"}},
      {"L read by db and app, M by app and sidecar",
       {},
       {{"L", "db"}, {"L", "app"}, {"M", "app"}, {"M", "sidecar"}},
       {"app,db,sidecar"}},
      {"image of app, L read by db", {"app"}, {{"L", "db"}}, {"db", "app"}},
      {"image of app and L read by both", {"app"}, {{"L", "db"}, {"L", "app"}}, {"app,db"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Json from = Ordered({{"db", "d:1", "7"}, {"app", "a:1", "3"}, {"sidecar", "s:1", "-"}});
    std::set<std::string> labels;
    for (const auto& [label, container] : c.labels) {
      ReadLabel(from, container, label);
      labels.insert(label);
    }
    for (const std::string& label : labels) from["metadata"]["labels"][label] = "1";
    Json to = from;
    for (const std::string& label : labels) to["metadata"]["labels"][label] = "2";
    for (const std::string& name : c.images) {
      for (Json& container : to["spec"]["containers"]) {
        if (container["name"] == name) container["image"] = "new:2";
      }
    }
    InPlaceStep step = Start(from, to);
    std::vector<std::string> batches = {Batch(step)};
    PodRecord pod = ApplyStep(pod_, step);
    while (pod.book->progress->HasNext() && batches.size() < 5) {
      Settle(pod);
      for (size_t i = 0; i < pod.statuses.size(); ++i) {  // the daemon reports fresh containers
        api::ContainerStatus& s = pod.statuses[i];
        s.meta_id = s.id;
        s.meta_plain = pod.shape->containers[i].plain_hash;
        std::vector<std::pair<std::string, std::string>> env;
        for (const auto& ref : pod.shape->containers[i].refs) {
          env.emplace_back(ref.env, std::string(pod.Label(ref.key)));
        }
        s.meta_env = api::EnvHash(env);
      }
      pod.meta_present = true;
      const Refresh next = RefreshPod(pod, At(static_cast<double>(batches.size())), options_);
      ASSERT_TRUE(next.step.has_value()) << Words(next.why);
      batches.push_back(Batch(*next.step));
      pod = ApplyStep(pod, *next.step);
    }
    EXPECT_EQ(batches, c.batches);
    for (const std::string& label : labels) EXPECT_EQ(pod.Label(label), "2");
  }
}

TEST_F(InPlaceTest, NextBatchWaitsForReadinessOfThePreviousOne) {
  const InPlaceStep step = Start(Ordered({{"db", "d:1", "7"}, {"app", "a:1", "3"}}),
                                 Ordered({{"db", "d:2", "7"}, {"app", "a:2", "3"}}));
  EXPECT_EQ(api::ExpandState(*step.progress, *pod_.shape).must_be_ready,
            std::vector<std::string>{"db"});
  PodRecord pod = ApplyStep(pod_, step);
  Settle(pod, /*ready=*/false);
  Refresh refresh = RefreshPod(pod, At(5), options_);
  EXPECT_FALSE(refresh.step.has_value());
  EXPECT_EQ(refresh.why.code, Code::kBatchNotReady);
  EXPECT_EQ(refresh.why.detail.view(), "db");
  pod.statuses[0].ready = true;
  refresh = RefreshPod(pod, At(6), options_);
  ASSERT_TRUE(refresh.step.has_value());
  pod = ApplyStep(pod, *refresh.step);
  EXPECT_EQ(pod.shape->containers[1].image.view(), "a:2");
  EXPECT_FALSE(pod.book->progress->HasNext());
  EXPECT_EQ(pod.book->progress->must_be_ready, 0U);
  EXPECT_EQ(pod.book->progress->batches.size(), 2U);
}

TEST_F(InPlaceTest, PendingResourcesOfALaterBatchAreApplied) {
  options_.vertical = true;
  Json from = Ordered({{"db", "d:1", "7"}, {"app", "a:1", "3"}});
  from["spec"]["containers"][1]["resources"] = J(R"({"requests":{"cpu":"100m"}})");
  Json to = from;
  to["spec"]["containers"][0]["image"] = "d:2";
  to["spec"]["containers"][1]["resources"]["requests"]["cpu"] = "200m";
  PodRecord pod = ApplyStep(pod_, Start(from, to));
  pod = ApplyStep(pod_, StartUpdate(pod_, comparison_, after_, 0, false, At(0), options_));
  Settle(pod);
  const api::ContainerStatus reported = pod.statuses[0];
  pod.statuses[0].resources = std::make_shared<api::Resources>();
  const Refresh refresh = RefreshPod(pod, At(1), options_);
  ASSERT_TRUE(refresh.step.has_value()) << Words(refresh.why);
  ASSERT_EQ(refresh.step->resources.size(), 1U);
  EXPECT_EQ(refresh.step->resources[0].first, 1);
  (void)reported;
}

TEST_F(InPlaceTest, TemplateChangesBetweenBatches) {
  // Scenario 48: the second container ends on the image of the last template, not on A's.
  const Json a = Ordered({{"db", "d:1", "7"}, {"app", "a:1", "3"}});
  const Json b = Ordered({{"db", "d:2", "7"}, {"app", "a:2", "3"}});
  const Json c = Ordered({{"db", "d:3", "7"}, {"app", "a:2", "3"}});
  PodRecord pod = ApplyStep(pod_, Start(a, b));
  pod = ApplyStep(pod_, StartUpdate(pod_, comparison_, after_, 0, false, At(0), options_));
  ASSERT_TRUE(pod.book->progress->HasNext());
  const Revision third = world_.Rev("web-3", c);
  const Comparison next = Compare(after_, third, options_, false);
  InPlaceStep step = StartUpdate(pod, next, third, 0, false, At(1), options_);
  EXPECT_EQ(step.progress->next_images.size(), 1U);
  PodRecord later = ApplyStep(pod, step);
  Settle(later);
  later = ApplyStep(later, *RefreshPod(later, At(2), options_).step);
  EXPECT_EQ(later.shape->containers[1].image.view(), "a:2");
  // Back to A: app never left its image, so only db is touched.
  step = StartUpdate(pod, Compare(after_, before_, options_, false), before_, 0, false, At(1),
                     options_);
  ASSERT_EQ(step.images.size(), 1U);
  EXPECT_EQ(step.images[0].second.view(), "d:1");
  EXPECT_FALSE(step.progress->HasNext());
}

TEST_F(InPlaceTest, TemplateChangesDuringGraceLosesNothing) {
  const Json a = TemplateOf({"web=a:1", "log=l:1"});
  const Json b = TemplateOf({"web=a:2", "log=l:1"});
  const Json c = TemplateOf({"web=a:2", "log=l:2"});
  PodRecord pod = ApplyStep(pod_, Start(a, b, 30));
  pod = ApplyStep(pod_, StartUpdate(pod_, comparison_, after_, 30, false, At(0), options_));
  const Revision third = world_.Rev("web-3", c);
  const InPlaceStep step =
      StartUpdate(pod, Compare(after_, third, options_, false), third, 0, false, At(1), options_);
  EXPECT_EQ(step.images.size(), 2U);  // scenario 36
  EXPECT_TRUE(step.drop_grace);
  // Rolled back during grace: nothing has changed, nothing restarts.
  const InPlaceStep back = StartUpdate(pod, Compare(after_, before_, options_, false), before_, 0,
                                       false, At(1), options_);
  EXPECT_TRUE(back.images.empty());
  EXPECT_FALSE(back.set_unready);
}

TEST_F(InPlaceTest, CompletionTableOf124) {
  struct Case {
    std::string name;
    std::string spec, reported, old_id, new_id;
    bool meta;
    bool done;
  };
  const Case cases[] = {
      {"new image ID", "a:2", "a:2", "1", "2", false, true},
      {"same ID, the runtime says the new tag", "a:2", "a:2", "1", "1", false, true},
      {"same ID, another tag, no daemon", "a:2", "a:1", "1", "1", false, false},
      {"same ID, another tag, daemon healthy (scenario 50)", "a:2", "a:1", "1", "1", true, true},
      {"short name against full name (#1493)", "nginx:1.27", "docker.io/library/nginx:1.27", "1",
       "1", false, true},
      {"no tag (scenario 51)", "busy", "busy:latest", "1", "1", false, true},
      {"registry port without tag (pitfall 14)", "reg:5000/busy", "reg:5000/busy:latest", "1", "1",
       false, true},
      {"never started before", "a:2", "", "", "1", false, true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const InPlaceStep step = Start(TemplateOf({"web=old:1"}), TemplateOf({"web=" + c.spec}));
    PodRecord pod = ApplyStep(pod_, step);
    auto book = std::make_shared<api::InPlaceBook>(*pod.book);
    book->progress->last_image_ids[0].text = api::Text(c.old_id);
    pod.book = book;
    pod.statuses[0].image =
        std::make_shared<api::ImageStatus>(api::ImageStatus{c.reported, c.new_id});
    if (c.meta) {
      pod.meta_present = true;
      pod.statuses[0].meta_id = pod.statuses[0].id;
      pod.statuses[0].meta_plain = pod.shape->containers[0].plain_hash;
    }
    EXPECT_EQ(CompletionOf(pod, options_).done, c.done);
    pod.statuses[0].meta_id += 1;  // the daemon has seen another container (scenario 53)
    if (c.meta) {
      EXPECT_FALSE(CompletionOf(pod, options_).done);
    }
    pod.statuses[0].present = false;  // scenario 55
    EXPECT_FALSE(CompletionOf(pod, options_).done);
  }
}

TEST_F(InPlaceTest, EnvUpdateNeedsEveryHash) {
  Json from = TemplateOf({"web=a:1", "log=l:1"});
  from["metadata"]["labels"]["zone"] = "eu";
  ReadLabel(from, "web", "zone");
  Json to = from;
  to["metadata"]["labels"]["zone"] = "us";
  PodRecord pod = ApplyStep(pod_, Start(from, to));
  pod = ApplyStep(pod_, StartUpdate(pod_, comparison_, after_, 0, false, At(0), options_));
  EXPECT_EQ(CompletionOf(pod, options_).why.code, Code::kMetaMissing);
  pod.meta_present = true;
  for (api::ContainerStatus& s : pod.statuses) {
    s.meta_id = s.id;
    s.meta_env = api::kNoEnvHash;
  }
  EXPECT_EQ(CompletionOf(pod, options_).why.code, Code::kEnvHashDiffers);
  pod.statuses[0].meta_env = api::EnvHash({{"ENV_zone", "us"}});
  EXPECT_TRUE(CompletionOf(pod, options_).done);
  pod.statuses[1].meta_env = 0;  // scenario 52
  EXPECT_FALSE(CompletionOf(pod, options_).done);
  pod.meta_invalid = true;
  EXPECT_EQ(CompletionOf(pod, options_).why.code, Code::kMetaBroken);
}

TEST_F(InPlaceTest, ResizeReadinessTableOf157) {
  options_.vertical = true;
  struct Case {
    const char* policy;  // resource whose policy is RestartContainer
    const char* resource;
    bool unready;
  };
  for (const Case& c :
       {Case{"", "cpu", false}, Case{"memory", "cpu", false}, Case{"cpu", "cpu", true},
        Case{"cpu", "memory", false}, Case{"memory", "memory", true}}) {
    Json from = TemplateOf({"web=a:1"});
    Json& container = from["spec"]["containers"][0];
    container["resources"] = J(R"({"requests":{"cpu":"100m","memory":"1Gi"}})");
    if (*c.policy != 0) {
      container["resizePolicy"] = {
          {{"resourceName", c.policy}, {"restartPolicy", "RestartContainer"}}};
    }
    Json to = from;
    to["spec"]["containers"][0]["resources"]["requests"][c.resource] = "2Gi";
    const InPlaceStep step = Start(from, to);
    EXPECT_EQ(step.set_unready, c.unready) << c.policy << "/" << c.resource;
    PodRecord pod = ApplyStep(pod_, step);
    EXPECT_EQ(CompletionOf(pod, options_).why.code, Code::kResourcesDiffer);
    pod.resize_infeasible = true;
    EXPECT_EQ(CompletionOf(pod, options_).why.code, Code::kResizeInfeasible);
    pod.statuses[0].resources =
        std::make_shared<api::Resources>(pod.shape->containers[0].resources);
    EXPECT_TRUE(CompletionOf(pod, options_).done);
  }
}

TEST_F(InPlaceTest, ResizeCompletionOf156) {
  options_.vertical = true;
  Json from = TemplateOf({"web=a:1", "log=l:1"});
  from["spec"]["containers"][0]["resources"] =
      J(R"({"requests":{"cpu":"100m","memory":"1Gi"},"limits":{"memory":"2Gi"}})");
  Json to = from;
  to["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "200m";
  to["spec"]["containers"][0]["resources"]["limits"]["memory"] = "3Gi";
  const InPlaceStep step = Start(from, to);
  const PodRecord pod = ApplyStep(pod_, step);
  const api::Resources wanted = after_.pod_template.shape->containers[0].resources;
  const auto reported = [&](const std::function<void(api::Resources&)>& change) {
    PodRecord out = pod;
    auto resources = std::make_shared<api::Resources>(wanted);
    change(*resources);
    out.statuses[0].resources = resources;
    return CompletionOf(out, options_);
  };
  EXPECT_TRUE(reported([](api::Resources&) {}).done);
  // What the kubelet adds is none of the plan's business (pitfall 13).
  EXPECT_TRUE(
      reported([&](api::Resources& r) { r.limits["cpu"] = wanted.requests.at("cpu"); }).done);
  EXPECT_FALSE(
      reported([&](api::Resources& r) { r.requests["cpu"] = wanted.requests.at("memory"); }).done);
  EXPECT_FALSE(
      reported([&](api::Resources& r) { r.limits["memory"] = wanted.requests.at("memory"); }).done);
  EXPECT_FALSE(reported([](api::Resources& r) { r.limits.clear(); }).done);
  PodRecord silent = pod;  // scenario 25
  silent.statuses[0].resources = nullptr;
  EXPECT_EQ(CompletionOf(silent, options_).why.code, Code::kStatusMissing);
  silent = pod;  // a container that nobody resized may be silent
  silent.statuses[0].resources = std::make_shared<api::Resources>(wanted);
  silent.statuses[1].resources = nullptr;
  EXPECT_TRUE(CompletionOf(silent, options_).done);
}

TEST_F(InPlaceTest, BrokenStateCountsAsCompleteAndSaysSo) {
  desc_.annotations["apps.kruise.io/inplace-update-state"] = "{";
  desc_.gate_condition = false;
  const PodRecord pod = world_.Record(world_.Rev("web-1", TemplateOf({"web=a:1"})), desc_);
  EXPECT_TRUE(CompletionOf(pod, options_).done);
  const Refresh refresh = RefreshPod(pod, At(0), options_);
  EXPECT_TRUE(refresh.step->set_ready);
  EXPECT_EQ(refresh.why.code, Code::kStateBroken);
}

TEST_F(InPlaceTest, RestartAnnotationRestartsOnceInPlace) {
  Json to = TemplateOf({"web=a:1", "log=l:1"});
  to["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "2030-01-01T00:00:00Z";
  const InPlaceStep step = Start(TemplateOf({"web=a:1", "log=l:1"}), to);
  EXPECT_TRUE(step.set_unready);
  EXPECT_EQ(step.restarts, 3U);
  PodRecord pod = ApplyStep(pod_, step);
  EXPECT_EQ(CompletionOf(pod, options_).why.code, Code::kNotRestarted);
  const std::vector<Write> writes = RenderWrites(pod_, step, At(0), options_);
  EXPECT_EQ(writes.back().kind, Write::Kind::kDaemonRestart);
  for (api::ContainerStatus& s : pod.statuses) s.id += 1;
  EXPECT_TRUE(CompletionOf(pod, options_).done);
}

TEST_F(InPlaceTest, LabelAndContentDisagree) {
  const Revision a = world_.Rev("web-1", TemplateOf({"web=a:1", "log=l:1"}));
  const Revision b = world_.Rev("web-2", TemplateOf({"web=a:2", "log=l:2"}), 2);
  // Labelled b, but log still has a's image: an interrupted update.
  const Revision mixed = world_.Rev("web-2", TemplateOf({"web=a:2", "log=l:1"}));
  Disagreement d = ContentOf(world_.Record(mixed, desc_), b, {a, b});
  ASSERT_EQ(d.repair.size(), 1U);
  EXPECT_EQ(d.repair[0].second.view(), "l:2");
  // Rewritten by a webhook: no revision knows the image, so it is left alone.
  const Revision mirror = world_.Rev("web-2", TemplateOf({"web=mirror/a:2", "log=l:2"}));
  d = ContentOf(world_.Record(mirror, desc_), b, {a, b});
  EXPECT_TRUE(d.repair.empty());
  EXPECT_EQ(d.foreign.size(), 1U);
  // Labelled a, but the images are b's already: only the label moves.
  pod_ = world_.Record(world_.Rev("web-1", TemplateOf({"web=a:2", "log=l:2"})), desc_);
  const InPlaceStep step =
      StartUpdate(pod_, Compare(a, b, options_, false), b, 0, false, At(0), options_);
  EXPECT_TRUE(step.images.empty());
  EXPECT_FALSE(step.set_unready);
  EXPECT_EQ(step.revision->view(), "web-2");
}

TEST_F(InPlaceTest, ObstaclesOnThePod) {
  Json from = TemplateOf({"web=a:1"});
  from["spec"]["restartPolicy"] = "Never";
  Json to = from;
  to["spec"]["containers"][0]["image"] = "a:2";
  Start(from, to);
  EXPECT_FALSE(Obstacle(pod_, comparison_).has_value());
  pod_.statuses[0].running = false;
  EXPECT_EQ(Obstacle(pod_, comparison_)->code, Code::kNeverRestarts);
  Json env = TemplateOf({"web=a:1"});
  env["metadata"]["labels"]["zone"] = "eu";
  ReadLabel(env, "web", "zone");
  Json changed = env;
  changed["metadata"]["labels"]["zone"] = "us";
  desc_.gate = false;
  Start(env, changed);
  EXPECT_EQ(Obstacle(pod_, comparison_)->code, Code::kNoGate);
}

TEST(NormalizeImage, NamesOfTheSameImage) {
  EXPECT_EQ(NormalizeImage("nginx"), "docker.io/library/nginx:latest");
  EXPECT_EQ(NormalizeImage("shop/web:2"), "docker.io/shop/web:2");
  EXPECT_EQ(NormalizeImage("reg:5000/a"), "reg:5000/a:latest");
  EXPECT_EQ(NormalizeImage("reg.io/a@sha256:1"), "reg.io/a@sha256:1");
  EXPECT_EQ(NormalizeImage("localhost/a"), "localhost/a:latest");
  EXPECT_EQ(NormalizeImage(""), "");
}

}  // namespace
}  // namespace rekindle::plan
