#ifndef REKINDLE_TEST_CONTROLLER_PLAN_FIXTURES_H_
#define REKINDLE_TEST_CONTROLLER_PLAN_FIXTURES_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/pod_record.h"
#include "controller/plan/cloneset.h"
#include "controller/plan/revision.h"

namespace rekindle::plan::testing {

// Second 0 of the tests' world.
inline constexpr int64_t kStart = 1'900'000'000;
absl::Time At(double seconds);
Json J(const char* text);

// One pod of the tests, rendered as a v1 Pod and parsed like a real one.
struct PodDesc {
  std::string name = "web-aaaaa";
  std::string lifecycle = "Normal";
  std::string phase = "Running";
  std::string node = "n1";
  bool ready = true;
  double ready_for = 3600;
  bool specified = false;
  bool terminating = false;
  bool gate = true;
  bool gate_condition = true;  // InPlaceUpdateReady True; else absent
  bool pod_ready_gate = false;
  std::string owner = "set-uid";
  std::map<std::string, std::string> labels = {};
  std::map<std::string, std::string> annotations = {};
  std::vector<std::string> finalizers = {};
  int restarts = 0;
};

class World {
 public:
  Template Make(const Json& pod_template);
  // A revision named `name` of a template.
  Revision Rev(const std::string& name, const Json& pod_template, int64_t number = 1);
  Json PodTree(const Revision& revision, const PodDesc& desc);
  api::PodRecord Record(const Revision& revision, const PodDesc& desc);
  PodPtr Pod(const Revision& revision, const PodDesc& desc);
  api::PodParser& parser() { return parser_; }

 private:
  api::PodParser parser_;
};

// A template with containers "name=image" and labels app=web.
Json TemplateOf(const std::vector<std::string>& containers);

// A world with an old and a new revision of one container.
class TwoRevisionsTest : public ::testing::Test {
 protected:
  World world_;
  Revision old_ = world_.Rev("web-old", TemplateOf({"main=web:1"}), 1);
  Revision new_ = world_.Rev("web-new", TemplateOf({"main=web:2"}), 2);
};

}  // namespace rekindle::plan::testing

#endif  // REKINDLE_TEST_CONTROLLER_PLAN_FIXTURES_H_
