#include "tests/conformance/suite.h"

#include <cstdio>
#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/conformance/runner.h"

namespace rekindle::conformance {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Runner* runner = nullptr;

class CaseTest : public testing::Test {
 public:
  explicit CaseTest(Case one) : case_(std::move(one)) {}
  void TestBody() override {
    if (const std::string why = runner->NotForIt(case_); !why.empty()) {
      GTEST_SKIP() << why << " (the server is " << runner->Version() << ")";
    }
    const absl::Status status = runner->Run(case_);
    EXPECT_TRUE(status.ok()) << status.message();
  }

 private:
  const Case case_;
};

}  // namespace

int SuiteMain(int argc, char** argv, const std::function<absl::StatusOr<Endpoint>()>& start) {
  testing::InitGoogleTest(&argc, argv);
  absl::StatusOr<std::vector<Case>> cases = ReadCases(REKINDLE_CONFORMANCE_CASES);
  if (!cases.ok()) {
    std::fprintf(stderr, "%s\n", std::string(cases.status().message()).c_str());
    return 2;
  }
  std::vector<Case> setup;
  for (Case& one : *cases) {
    const size_t dot = one.name.find('.');
    if (one.name.compare(dot + 1, 5, "setup") == 0) {
      setup.push_back(one);
      continue;
    }
    testing::RegisterTest(one.name.substr(0, dot).c_str(), one.name.substr(dot + 1).c_str(),
                          nullptr, nullptr, __FILE__, __LINE__,
                          [one]() -> CaseTest* { return new CaseTest(one); });
  }
  if (testing::GTEST_FLAG(list_tests)) return RUN_ALL_TESTS();
  Endpoint endpoint;
  endpoint.url = Environment("REKINDLE_CONFORMANCE_URL");
  endpoint.ca_file = Environment("REKINDLE_CONFORMANCE_CA");
  endpoint.certificate_file = Environment("REKINDLE_CONFORMANCE_CERT");
  endpoint.key_file = Environment("REKINDLE_CONFORMANCE_KEY");
  endpoint.token = Environment("REKINDLE_CONFORMANCE_TOKEN");
  endpoint.reader_token = Environment("REKINDLE_CONFORMANCE_READER_TOKEN");
  if (endpoint.url.empty()) {
    absl::StatusOr<Endpoint> started = start();
    if (!started.ok()) {
      std::fprintf(stderr, "%s\n", std::string(started.status().message()).c_str());
      return 2;
    }
    endpoint = *std::move(started);
  }
  absl::StatusOr<std::unique_ptr<Runner>> made = Runner::Make(endpoint);
  absl::Status status = made.status();
  for (size_t i = 0; status.ok() && i < setup.size(); ++i) status = (*made)->Run(setup[i]);
  if (!status.ok()) {
    std::fprintf(stderr, "%s: %s\n", endpoint.url.c_str(), std::string(status.message()).c_str());
    return 2;
  }
  runner = made->get();
  const int out = RUN_ALL_TESTS();
  runner->CleanUp();
  return out;
}

}  // namespace rekindle::conformance
