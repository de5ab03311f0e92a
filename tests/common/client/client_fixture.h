#ifndef REKINDLE_TEST_COMMON_CLIENT_CLIENT_FIXTURE_H_
#define REKINDLE_TEST_COMMON_CLIENT_CLIENT_FIXTURE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/client/api_client.h"
#include "common/client/informer.h"
#include "common/json/tree.h"
#include "tests/fakes/fake_api.h"
#include "tests/fakes/fake_transport.h"
#include "tests/fakes/sim_loop.h"

namespace rekindle::client {

inline const std::string kPods = "/api/v1/pods";
inline const std::string kPodPath = "/api/v1/namespaces/ns/pods";

// A client on simulated time in front of a FakeApi.
class ClientFixture : public ::testing::Test {
 protected:
  static Json Pod(const std::string& name, const Json& labels = Json::object(),
                  const std::string& name_space = "ns") {
    return {{"apiVersion", "v1"},
            {"kind", "Pod"},
            {"metadata", {{"name", name}, {"namespace", name_space}, {"labels", labels}}}};
  }
  static ObjectRef Ref(const std::string& name) { return {PodResource(), {"ns", name}, ""}; }

  ApiClient& Client(ApiClient::Options options = {}) {
    client_ = std::make_unique<ApiClient>(loop_, transport_, credentials_, std::move(options));
    return *client_;
  }

  // Runs simulated time until the call has ended.
  template <typename T, typename Start>
  absl::StatusOr<T> Await(Start start, absl::Duration limit = absl::Minutes(20)) {
    auto got = std::make_shared<std::optional<absl::StatusOr<T>>>();
    start([got](absl::StatusOr<T> result) { got->emplace(std::move(result)); });
    EXPECT_FALSE(got->has_value()) << "the callback came inline";
    loop_.AdvanceUntil([&] { return got->has_value(); }, limit);
    if (!got->has_value()) return absl::DeadlineExceededError("test: no callback");
    return **got;
  }
  absl::StatusOr<Json> Get(const std::string& name) {
    return Await<Json>([&](auto done) { client_->Get(Ref(name), std::move(done)); });
  }

  SimLoop loop_;
  FakeApi api_;
  FakeTransport transport_{loop_, api_};
  FakeCredentials credentials_;
  std::unique_ptr<ApiClient> client_;
};

}  // namespace rekindle::client

#endif  // REKINDLE_TEST_COMMON_CLIENT_CLIENT_FIXTURE_H_
