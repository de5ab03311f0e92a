#include "tests/controller/apiserver/registry/registry_fixture.h"

#include <cstdlib>
#include <random>

#include "absl/strings/str_cat.h"

#include "tests/fakes/await.h"

namespace rekindle::apiserver {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

absl::StatusOr<std::unique_ptr<SqliteStore>> OpenStore(const std::string& directory) {
  SqliteStore::Options options;
  options.directory = directory;
  return SqliteStore::Open(options);
}

}  // namespace

bool Recorder::OnEvents(std::vector<WatchEvent> events) {
  MutexLock lock(&mutex_);
  for (WatchEvent& event : events) events_.push_back(std::move(event));
  return events_.size() < most_;
}

void Recorder::OnError(const absl::Status& status) {
  MutexLock lock(&mutex_);
  error_ = status;
}

std::vector<std::string> Recorder::Await(size_t count) {
  std::vector<std::string> out;
  MutexLock lock(&mutex_);
  mutex_.AwaitFor(kPatience, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return events_.size() >= count || !error_.ok();
  });
  for (const WatchEvent& event : events_) {
    const Json object = event.text != nullptr ? Json::parse(*event.text) : *event.object;
    const absl::string_view name = json::String(object, {"metadata", "name"});
    out.push_back(absl::StrCat(event.type, name.empty() ? "" : " ", name));
  }
  return out;
}

std::vector<WatchEvent> Recorder::events() {
  MutexLock lock(&mutex_);
  return events_;
}

absl::Status Recorder::AwaitError() {
  MutexLock lock(&mutex_);
  mutex_.AwaitFor(kPatience, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !error_.ok(); });
  return error_;
}

RegistryTest::RegistryTest() {
  auto store = OpenStore(dir_ / "store");
  EXPECT_TRUE(store.ok()) << store.status();
  if (!store.ok()) std::abort();
  store_ = *std::move(store);
  between_ = std::make_unique<StoreBetween>(*store_);
  ObjectRegistry::Options options;
  options.store = between_.get();
  options.now = [this] { return absl::FromUnixSeconds(seconds_); };
  options.random = [this] {
    // Spread over all bits; not to be guessed is not needed here.
    std::seed_seq seed{random_++};
    return std::mt19937(seed)();
  };
  options.bookmark_every = absl::ZeroDuration();
  auto registry = ObjectRegistry::Open(options);
  EXPECT_TRUE(registry.ok()) << registry.status();
  if (!registry.ok()) std::abort();
  registry_ = *std::move(registry);
}

std::string RegistryTest::VersionOf(const std::string& kind) {
  if (kind == "CloneSet" || kind == "ContainerRecreateRequest") return "apps.kruise.io/v1beta1";
  if (kind == "StatefulSet" || kind == "ControllerRevision") return "apps/v1";
  if (kind == "Widget") return "example.io/v1";
  if (kind == "Lease") return "coordination.k8s.io/v1";
  if (kind == "PodDisruptionBudget") return "policy/v1";
  if (kind == "CustomResourceDefinition") return "apiextensions.k8s.io/v1";
  return "v1";
}

Call RegistryTest::CallOf(Verb verb, const std::string& api_version, const std::string& kind,
                          const std::string& name_space, const std::string& name) {
  held_ = registry_->catalog();
  Call call;
  call.verb = verb;
  call.kind = held_->Find(api_version, kind);
  EXPECT_NE(call.kind, nullptr) << api_version << " " << kind;
  if (call.kind != nullptr && call.kind->info->namespaced) call.name_space = name_space;
  call.name = name;
  call.user = {"admin", {"system:masters"}};
  call.user_agent = "kubectl/v1.32.5 (linux/amd64)";
  return call;
}

Result RegistryTest::Handle(const Call& call) {
  Result out;
  if (call.kind == nullptr) return out;
  absl::StatusOr<Reply> reply = registry_->Handle(call);
  if (reply.ok()) {
    out.code = reply->code;
    out.body = std::move(reply->body);
    out.text = std::move(reply->text);
    out.warnings = std::move(reply->warnings);
    return out;
  }
  const auto error = api::FromStatus(reply.status());
  EXPECT_TRUE(error.has_value()) << reply.status();
  if (error.has_value()) out.error = *error;
  out.code = out.error.code;
  return out;
}

Result RegistryTest::Create(const Json& object, const Tune& tune) {
  Call call = CallOf(Verb::kCreate, object.value("apiVersion", ""), object.value("kind", ""),
                     name_space_, "");
  call.body = object.dump();
  if (tune != nullptr) tune(call);
  return Handle(call);
}

Result RegistryTest::Update(const Json& object, const Tune& tune) {
  Call call = CallOf(Verb::kUpdate, object.value("apiVersion", ""), object.value("kind", ""),
                     name_space_, std::string(json::String(object, {"metadata", "name"})));
  call.body = object.dump();
  if (tune != nullptr) tune(call);
  return Handle(call);
}

Result RegistryTest::Get(const std::string& kind, const std::string& name, const Tune& tune) {
  Call call = CallOf(Verb::kGet, VersionOf(kind), kind, name_space_, name);
  if (tune != nullptr) tune(call);
  return Handle(call);
}

Result RegistryTest::Delete(const std::string& kind, const std::string& name, const Tune& tune) {
  Call call = CallOf(Verb::kDelete, VersionOf(kind), kind, name_space_, name);
  if (tune != nullptr) tune(call);
  return Handle(call);
}

Result RegistryTest::Patch(const std::string& kind, const std::string& name, PatchType type,
                           const std::string& body, const Tune& tune) {
  Call call = CallOf(Verb::kPatch, VersionOf(kind), kind, name_space_, name);
  call.patch = type;
  call.body = body;
  if (tune != nullptr) tune(call);
  return Handle(call);
}

Result RegistryTest::Apply(const Json& config, const std::string& manager, bool force) {
  Call call = CallOf(Verb::kPatch, config.value("apiVersion", ""), config.value("kind", ""),
                     name_space_, std::string(json::String(config, {"metadata", "name"})));
  call.patch = PatchType::kApply;
  call.body = config.dump();
  call.field_manager = manager;
  call.force = force;
  return Handle(call);
}

Result RegistryTest::List(const std::string& kind, const Tune& tune) {
  Call call = CallOf(Verb::kList, VersionOf(kind), kind, name_space_, "");
  if (tune != nullptr) tune(call);
  return Handle(call);
}

std::vector<std::string> RegistryTest::Names(const Result& list) {
  std::vector<std::string> out;
  const Json body = list.text.empty() ? list.body : Json::parse(list.text);
  for (const Json& item : body.value("items", Json::array())) {
    out.emplace_back(json::String(item, {"metadata", "name"}));
  }
  return out;
}

std::unique_ptr<WatchHandle> RegistryTest::Watch(const std::string& kind,
                                                 std::shared_ptr<Recorder> recorder,
                                                 const Tune& tune) {
  Call call = CallOf(Verb::kWatch, VersionOf(kind), kind, name_space_, "");
  if (tune != nullptr) tune(call);
  auto handle = registry_->Watch(call, std::move(recorder));
  EXPECT_TRUE(handle.ok()) << handle.status();
  return handle.ok() ? *std::move(handle) : nullptr;
}

absl::Status RegistryTest::WatchError(const std::string& kind, const Tune& tune) {
  Call call = CallOf(Verb::kWatch, VersionOf(kind), kind, name_space_, "");
  if (tune != nullptr) tune(call);
  return registry_->Watch(call, std::make_shared<Recorder>()).status();
}

Json RegistryTest::ConfigMap(const std::string& name, const std::string& value) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", name}}},
          {"data", {{"a", value}}}};
}

Json RegistryTest::Pod(const std::string& name) {
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", {{"name", name}, {"labels", {{"app", "web"}}}}},
          {"spec", {{"containers", {{{"name", "main"}, {"image", "nginx:1.25"}}}}}}};
}

Json RegistryTest::CloneSet(const std::string& name, const std::string& version) {
  return {{"apiVersion", "apps.kruise.io/" + version},
          {"kind", "CloneSet"},
          {"metadata", {{"name", name}}},
          {"spec",
           {{"replicas", 2},
            {"selector", {{"matchLabels", {{"app", "web"}}}}},
            {"template",
             {{"metadata", {{"labels", {{"app", "web"}}}}},
              {"spec", {{"containers", {{{"name", "main"}, {"image", "nginx:1.25"}}}}}}}}}}};
}

Json RegistryTest::Widget(const std::string& name) {
  return {{"apiVersion", "example.io/v1"},
          {"kind", "Widget"},
          {"metadata", {{"name", name}}},
          {"spec", {{"size", 1}}}};
}

Json RegistryTest::WidgetDefinition() {
  return J(R"({"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
    "metadata":{"name":"widgets.example.io"},
    "spec":{"group":"example.io","scope":"Namespaced","names":{"plural":"widgets","kind":"Widget"},
    "versions":[{"name":"v1","served":true,"storage":true,
      "subresources":{"status":{},"scale":{"specReplicasPath":".spec.size",
        "statusReplicasPath":".status.size","labelSelectorPath":".status.selector"}},
      "schema":{"openAPIV3Schema":{"type":"object","properties":{
        "spec":{"type":"object","properties":{"size":{"type":"integer","minimum":0},
          "color":{"type":"string","default":"red"},"port":{"x-kubernetes-int-or-string":true},
          "list":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"],
            "items":{"type":"object","required":["k"],"properties":{"k":{"type":"string"}}}}}},
        "status":{"type":"object","properties":{"size":{"type":"integer"},"ok":{"type":"boolean"},
          "selector":{"type":"string"}}}}}}}]}})");
}

void RegistryTest::RunPod(const std::string& name, bool ready) {
  const Result bound = Handle([&] {
    Call call = CallOf(Verb::kCreate, "v1", "Pod", name_space_, name);
    call.subresource = "binding";
    call.body = R"({"target":{"kind":"Node","name":"n1"}})";
    return call;
  }());
  EXPECT_EQ(bound.code, 201) << bound.message();
  const Result status =
      Patch("Pod", name, PatchType::kStrategic,
            absl::StrCat(R"({"status":{"phase":"Running","conditions":[{"type":"Ready","status":")",
                         ready ? "True" : "False", R"("}]}})"),
            [](Call& call) { call.subresource = "status"; });
  EXPECT_EQ(status.code, 200) << status.message();
}

BackgroundTest::BackgroundTest() {
  pool_ = std::make_unique<BlockingPool>(loop_, 4, "tidy");
  RunOn(loop_, [&] {
    background_ = std::make_unique<Background>(*registry_, loop_, *pool_, Background::Options{});
    background_->Start();
  });
}

BackgroundTest::~BackgroundTest() {
  loop_.Stop();
  pool_.reset();
  background_.reset();
}

bool BackgroundTest::Await(const std::function<bool()>& holds) {
  return AwaitOn(loop_, holds, kPatience);
}

bool BackgroundTest::Gone(const std::string& kind, const std::string& name) {
  return Await([&] { return Get(kind, name).code == 404; });
}

}  // namespace rekindle::apiserver
