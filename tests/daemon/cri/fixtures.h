#ifndef REKINDLE_TEST_DAEMON_CRI_FIXTURES_H_
#define REKINDLE_TEST_DAEMON_CRI_FIXTURES_H_

#include <fstream>
#include <iterator>
#include <string>

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::testing {

// A file of tests/testdata/verbose_info: what a real containerd 1.6.20 answered.
inline std::string ReadFixture(const std::string& name) {
  std::ifstream in(std::string(REKINDLE_TESTDATA) + "/verbose_info/" + name, std::ios::binary);
  EXPECT_TRUE(in.good()) << name;
  return {std::istreambuf_iterator<char>(in), {}};
}

inline nlohmann::json FixtureJson(const std::string& name) {
  return nlohmann::json::parse(ReadFixture(name + ".json"));
}

// A verbose reply: the message from NAME.textproto, the info document from NAME.json.
template <typename Reply>
Reply FixtureReply(const std::string& name) {
  Reply reply;
  EXPECT_TRUE(
      google::protobuf::TextFormat::ParseFromString(ReadFixture(name + ".textproto"), &reply));
  (*reply.mutable_info())["info"] = ReadFixture(name + ".json");
  return reply;
}

template <typename Message>
Message FromText(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

}  // namespace rekindle::testing

#endif  // REKINDLE_TEST_DAEMON_CRI_FIXTURES_H_
