#include "daemon/register/registrar.h"

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "tests/fakes/sim_loop.h"

namespace rekindle::registration {
namespace {

using ::testing::ElementsAre;

class FakeRegistry final : public Registry {
 public:
  explicit FakeRegistry(SimLoop& loop) : loop_(loop) {}
  void Register(const controller::v1::RegisterRequest& request, absl::Duration timeout,
                Done done) override {
    requests.push_back(request);
    at.push_back(loop_.Monotonic());
    EXPECT_EQ(timeout, absl::Seconds(5));
    loop_.Post([this, done = std::move(done)]() mutable {
      if (!failures.empty()) {
        const absl::Status why = failures.front();
        failures.pop_front();
        return done(why);
      }
      controller::v1::RegisterResponse response;
      if (again_after > absl::ZeroDuration()) {
        response.mutable_again_after()->set_seconds(absl::ToInt64Seconds(again_after));
      }
      done(response);
    });
  }
  // Between the calls, in whole milliseconds.
  std::vector<int64_t> Pauses() const {
    std::vector<int64_t> out;
    for (size_t i = 1; i < at.size(); ++i) {
      out.push_back(absl::ToInt64Milliseconds(at[i] - at[i - 1]));
    }
    return out;
  }

  std::deque<absl::Status> failures;
  absl::Duration again_after = absl::Seconds(10);
  std::vector<controller::v1::RegisterRequest> requests;
  std::vector<absl::Duration> at;

 private:
  SimLoop& loop_;
};

class RegistrarTest : public ::testing::Test {
 protected:
  std::unique_ptr<Registrar> Make() {
    controller::v1::RegisterRequest request;
    request.set_node_name("node-1");
    return std::make_unique<Registrar>(
        loop_, registry_, request, RegistrarOptions(), [this] { return random_; },
        [this](const absl::Status& status) { told_.push_back(std::string(status.message())); });
  }

  SimLoop loop_;
  FakeRegistry registry_{loop_};
  double random_ = 0;
  std::vector<std::string> told_;
};

TEST_F(RegistrarTest, CallsAgainAsTheControllerWants) {
  const auto registrar = Make();
  loop_.Advance(absl::Seconds(35));
  EXPECT_THAT(registry_.Pauses(), ElementsAre(10'000, 10'000, 10'000));
  EXPECT_EQ(registry_.requests.back().node_name(), "node-1");
  EXPECT_THAT(told_, ElementsAre(""));  // once
}

TEST_F(RegistrarTest, PausesAreLongerByARandomPart) {
  random_ = 0.5;
  const auto registrar = Make();
  loop_.Advance(absl::Seconds(23));
  EXPECT_THAT(registry_.Pauses(), ElementsAre(11'000, 11'000));
}

TEST_F(RegistrarTest, NeitherTooOftenNorTooSeldom) {
  registry_.again_after = absl::Hours(5);
  auto registrar = Make();
  loop_.Advance(absl::Seconds(61));
  EXPECT_THAT(registry_.Pauses(), ElementsAre(60'000));
  registrar.reset();
  registry_.at.clear();
  registry_.again_after = absl::ZeroDuration();  // says nothing
  registrar = Make();
  loop_.Advance(absl::Seconds(11));
  EXPECT_THAT(registry_.Pauses(), ElementsAre(10'000));
}

TEST_F(RegistrarTest, TroubleIsTriedAgainWithGrowingPausesAndToldOnce) {
  for (int i = 0; i < 7; ++i) registry_.failures.push_back(absl::UnavailableError("away"));
  registry_.failures.push_back(absl::PermissionDeniedError("no"));
  const auto registrar = Make();
  loop_.Advance(absl::Minutes(3));
  const std::vector<int64_t> pauses = registry_.Pauses();
  ASSERT_GE(pauses.size(), 9u);
  EXPECT_THAT(std::vector<int64_t>(pauses.begin(), pauses.begin() + 9),
              ElementsAre(1000, 2000, 4000, 8000, 16'000, 30'000, 30'000, 30'000, 10'000));
  EXPECT_THAT(told_, ElementsAre("away", "no", ""));
}

TEST_F(RegistrarTest, NothingComesAfterItsEnd) {
  auto registrar = Make();
  registrar.reset();  // a call is under way
  loop_.Advance(absl::Minutes(1));
  EXPECT_TRUE(told_.empty());
  EXPECT_EQ(registry_.requests.size(), 1u);
  EXPECT_EQ(loop_.pending_timers(), 0u);
}

}  // namespace
}  // namespace rekindle::registration
