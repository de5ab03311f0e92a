#include "tests/controller/apiserver/rest/rest_fixture.h"

namespace rekindle::apiserver {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kWatch[] = "/api/v1/namespaces/ns/pods?watch=true&resourceVersion=5";

class RestWatchTest : public RestFixture {
 protected:
  std::unique_ptr<RestConnection> Watch(const std::string& query = "",
                                        const std::string& headers = "") {
    auto connection = Connect();
    connection->Send(Request("GET", kWatch + query, headers));
    return connection;
  }
  void Emit(const std::string& type, const std::string& name) {
    ASSERT_TRUE(registry_.receiver()->OnEvents({FakeRegistry::Event(type, name)}));
  }
};

TEST_F(RestWatchTest, EventsAreLinesAsTheyHappen) {
  Start();
  auto connection = Watch("&allowWatchBookmarks=true&labelSelector=a%3Db");
  const std::string header = connection->ReadUntil("\r\n\r\n");
  EXPECT_THAT(header, AllOf(StartsWith("HTTP/1.1 200 OK\r\n"),
                            HasSubstr("\r\nTransfer-Encoding: chunked\r\n")));
  const Call call = registry_.last();
  EXPECT_EQ(call.verb, Verb::kWatch);
  EXPECT_EQ(call.resource_version, "5");
  EXPECT_EQ(call.label_selector, "a=b");
  EXPECT_TRUE(call.bookmarks);
  Emit("ADDED", "a");
  EXPECT_EQ(connection->ReadUntil("}\n\r\n"),
            "4e\r\n{\"type\":\"ADDED\",\"object\":{\"filling\":\"\",\"kind\":\"Pod\",\"metadata\":{"
            "\"name\":\"a\"}}}\n\r\n");
  Emit("DELETED", "a");
  EXPECT_THAT(connection->ReadUntil("}\n\r\n"), HasSubstr("{\"type\":\"DELETED\""));
}

TEST_F(RestWatchTest, EndsAfterItsTime) {
  Start();
  auto connection = Watch("&timeoutSeconds=1");
  EXPECT_THAT(connection->ReadAll(), EndsWith("\r\n\r\n0\r\n\r\n"));
  EXPECT_TRUE(registry_.watch_gone.WaitFor(absl::Seconds(20)));
}

TEST_F(RestWatchTest, GoesWhenTheClientGoes) {
  Start();
  auto connection = Watch();
  connection->ReadUntil("\r\n\r\n");
  connection.reset();
  EXPECT_TRUE(registry_.watch_gone.WaitFor(absl::Seconds(20)));
}

TEST_F(RestWatchTest, ErrorsBeforeItBeginsAreAnswers) {
  Start();
  registry_.OnWatch(
      [](const Call&,
         std::shared_ptr<WatchReceiver>) -> absl::StatusOr<std::unique_ptr<WatchHandle>> {
        return api::ToStatus(api::Expired("too old resource version: 5 (9)"));
      });
  auto connection = Watch();
  EXPECT_THAT(connection->ReadAnswer(),
              AllOf(StartsWith("HTTP/1.1 410 "), HasSubstr("\"reason\":\"Expired\"")));
  connection->Send(Request("GET", "/version"));
  EXPECT_THAT(connection->ReadAnswer(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(RestWatchTest, ErrorsLaterAreEvents) {
  Start();
  auto connection = Watch();
  connection->ReadUntil("\r\n\r\n");
  Emit("ADDED", "a");
  registry_.receiver()->OnError(api::ToStatus(api::Expired("compacted")));
  const std::string rest = connection->ReadAll();
  EXPECT_THAT(rest, AllOf(HasSubstr("\"ADDED\""), HasSubstr("{\"type\":\"ERROR\",\"object\":{"),
                          HasSubstr("\"code\":410"), EndsWith("0\r\n\r\n")));
  EXPECT_FALSE(registry_.receiver()->OnEvents({FakeRegistry::Event("ADDED", "b")}));
}

TEST_F(RestWatchTest, ManyInitialObjectsWaitForTheirReader) {
  // 4 MB of objects through a buffer of 64 KiB.
  Start({.watch = {.bytes = 64 * 1024}});
  registry_.OnWatch([this](const Call&, std::shared_ptr<WatchReceiver> receiver)
                        -> absl::StatusOr<std::unique_ptr<WatchHandle>> {
    for (int i = 0; i < 400; ++i) {
      if (!receiver->OnEvents({FakeRegistry::Event("ADDED", absl::StrCat("p", i), 10'000)})) {
        return absl::InternalError("was ended");
      }
    }
    return std::make_unique<FakeRegistry::Watched>(&registry_.watch_gone);
  });
  auto connection = Watch("&timeoutSeconds=1");
  const std::string all = connection->ReadAll();
  EXPECT_THAT(all, AllOf(HasSubstr("\"p0\""), HasSubstr("\"p399\""), EndsWith("0\r\n\r\n"),
                         Not(HasSubstr("ERROR"))));
}

TEST_F(RestWatchTest, ASlowReaderIsEnded) {
  Start({.watch = {.bytes = 64 * 1024}});
  auto connection = Watch();
  connection->ReadUntil("\r\n\r\n");
  Emit("ADDED", "first");
  EXPECT_THAT(connection->ReadUntil("}\n\r\n"), HasSubstr("\"first\""));
  const auto receiver = registry_.receiver();
  // Nobody reads: the socket's buffers fill, then the stream's, then it is over.
  bool taken = true;
  for (int i = 0; i < 10'000 && taken; ++i) {
    taken = receiver->OnEvents({FakeRegistry::Event("ADDED", absl::StrCat("p", i), 10'000)});
  }
  EXPECT_FALSE(taken);
  const std::string all = connection->ReadAll();
  EXPECT_THAT(all.substr(all.size() > 1000 ? all.size() - 1000 : 0),
              AllOf(HasSubstr("\"code\":410"), EndsWith("0\r\n\r\n")));
}

TEST_F(RestWatchTest, TablesHaveColumnsOnce) {
  Start();
  auto connection =
      Watch("", "Accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json\r\n");
  connection->ReadUntil("\r\n\r\n");
  Emit("BOOKMARK", "mark");
  EXPECT_THAT(connection->ReadUntil("}\n\r\n"), HasSubstr("\"kind\":\"Pod\""));
  Emit("ADDED", "a");
  EXPECT_THAT(connection->ReadUntil("}\n\r\n"), HasSubstr("\"columns\":true"));
  Emit("MODIFIED", "a");
  EXPECT_THAT(connection->ReadUntil("}\n\r\n"), HasSubstr("\"columns\":false"));
}

TEST_F(RestWatchTest, TheOldForm) {
  Start();
  auto connection = Connect();
  connection->Send(Request("GET", "/api/v1/watch/namespaces/ns/pods/p"));
  connection->ReadUntil("\r\n\r\n");
  EXPECT_EQ(registry_.last().field_selector, "metadata.name=p");
  EXPECT_EQ(registry_.last().name, "");
}

TEST_F(RestWatchTest, StoppingTheServerEndsIt) {
  Start();
  auto connection = Watch();
  connection->ReadUntil("\r\n\r\n");
  Emit("ADDED", "a");
  std::thread stopping([&] { server_.reset(); });
  EXPECT_THAT(connection->ReadAll(), EndsWith("}\n\r\n0\r\n\r\n"));
  stopping.join();
  EXPECT_TRUE(registry_.watch_gone.WaitFor(absl::Seconds(20)));
}

}  // namespace
}  // namespace rekindle::apiserver
