// Clients that begin a request and never end it. REKINDLE_SLOW_CONNECTIONS=100000 is the long form.
#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <string>

#include "tests/controller/apiserver/rest/rest_fixture.h"

namespace rekindle::apiserver {
namespace {

using ::testing::StartsWith;

constexpr size_t kServed = 200;  // connections at a time
constexpr size_t kHeld = 250;    // that the clients keep open
constexpr int64_t kWarm = 1000;  // connections after which nothing is new any more
constexpr size_t kGrowth = size_t{4} << 20;

// What this process has allocated: the server's side and the clients'.
size_t Allocated() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

class SlowClientsTest : public RestFixture {
 protected:
  void Open(int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      held_.push_back(Connect());
      // Some in a word, some in a header that would be a large one.
      held_.back()->Send("GET /version HTTP/1.1\r\nX: " +
                         std::string(static_cast<size_t>(i % 64) * 100, 'x'));
      if (held_.size() > kHeld) held_.pop_front();
      most_ = std::max(most_, server_->connections());
    }
  }

  std::deque<std::unique_ptr<RestConnection>> held_;
  size_t most_ = 0;
};

TEST_F(SlowClientsTest, TakeNoMemoryForGoodAndNobodysPlace) {
  const char* wanted = std::getenv("REKINDLE_SLOW_CONNECTIONS");
  const int64_t connections = wanted == nullptr ? 3000 : std::atoll(wanted);
  ASSERT_GT(connections, kWarm);
  Start({.http = {.max_connections = kServed}});
  Open(kWarm);
  const size_t before = Allocated();
  Open(connections - kWarm);
  const size_t after = Allocated();
  EXPECT_LE(most_, kServed);
  EXPECT_LE(after, before + kGrowth) << connections << " connections";
  EXPECT_THAT(Ask(Request("GET", "/version")), StartsWith("HTTP/1.1 200 "));
  std::printf("%lld connections, %lld bytes more than after %lld\n",
              static_cast<long long>(connections), static_cast<long long>(after - before),
              static_cast<long long>(kWarm));
}

}  // namespace
}  // namespace rekindle::apiserver
