#include "daemon/cri/verbose_info.h"

#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "daemon/cri/go_json.h"
#include "daemon/cri/utf8.h"
#include "tests/daemon/cri/fixtures.h"
#include "tests/daemon/cri/go_json_writer.h"

namespace rekindle::cri {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::nlohmann::json;
using ::rekindle::testing::FixtureJson;
using ::rekindle::testing::FromText;
using ::rekindle::testing::GoJson;
using ::rekindle::testing::ReadFixture;
using ::runtime::v1::ContainerConfig;
using ::runtime::v1::PodSandboxConfig;
using ::testing::HasSubstr;

// ---- what containerd 1.6 really answers ----

TEST(ContainerInfoGolden, RunningContainerComesBackInFull) {
  const auto info = ParseContainerInfo(ReadFixture("container_running.json"));
  ASSERT_TRUE(info.ok()) << info.status();
  auto expected = FromText<ContainerConfig>(ReadFixture("container_running.config"));
  // The image's ID is a matter of the capture.
  EXPECT_THAT(info->config.image().image(), ::testing::StartsWith("sha256:"));
  expected.mutable_image()->set_image(info->config.image().image());
  std::string difference;
  MessageDifferencer differ;
  differ.ReportDifferencesToString(&difference);
  EXPECT_TRUE(differ.Compare(expected, info->config)) << difference;
  EXPECT_GT(info->pid, 0);
  EXPECT_FALSE(info->removing);
  EXPECT_EQ(info->sandbox_id.size(), 64u);
  EXPECT_TRUE(info->runtime_spec.contains("linux"));
}

TEST(ContainerInfoGolden, SetButZeroIsNotUnset) {
  const auto info = ParseContainerInfo(ReadFixture("container_running.json"));
  ASSERT_TRUE(info.ok()) << info.status();
  const auto& security = info->config.linux().security_context();
  EXPECT_TRUE(security.has_run_as_user());
  EXPECT_EQ(security.run_as_user().value(), 0);
  ASSERT_TRUE(security.has_seccomp());
  EXPECT_EQ(security.seccomp().profile_type(), ::runtime::v1::SecurityProfile::RuntimeDefault);
  EXPECT_FALSE(security.has_apparmor());
  EXPECT_EQ(info->config.metadata().attempt(), 0u);

  const auto plain = ParseContainerInfo(ReadFixture("container_plain.json"));
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_TRUE(plain->config.linux().has_resources());
  EXPECT_FALSE(plain->config.linux().security_context().has_run_as_user());
  EXPECT_EQ(plain->config.linux().security_context().namespace_options().pid(),
            ::runtime::v1::NamespaceMode::POD);
  EXPECT_EQ(plain->config.metadata().attempt(), 3u);
  EXPECT_EQ(plain->pid, 0);
}

TEST(SandboxInfoGolden, PodNetwork) {
  const auto info = ParseSandboxInfo(ReadFixture("sandbox.json"));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->config.metadata().name(), "web-0");
  EXPECT_EQ(info->config.linux().sysctls().at("net.ipv4.ip_unprivileged_port_start"), "1024");
  EXPECT_TRUE(info->config.linux().security_context().has_seccomp());
  EXPECT_EQ(info->config.port_mappings(0).container_port(), 8080);
  EXPECT_THAT(info->netns_path, ::testing::StartsWith("/var/run/netns/cni-"));
  EXPECT_GT(info->pid, 0);
}

TEST(SandboxInfoGolden, HostNetworkHasNoPath) {
  const auto info = ParseSandboxInfo(ReadFixture("sandbox_host_network.json"));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->netns_path, "");
}

// ---- rules, one row each ----

ContainerInfo MustParse(const json& document) {
  auto info = ParseContainerInfo(document.dump());
  EXPECT_TRUE(info.ok()) << info.status();
  return info.ok() ? *std::move(info) : ContainerInfo{};
}

struct BadRow {
  const char* name;
  std::string document;
  absl::StatusCode code;
  const char* text;

  friend void PrintTo(const BadRow& row, std::ostream* out) { *out << row.name; }
};

class BadDocument : public ::testing::TestWithParam<BadRow> {};

TEST_P(BadDocument, IsAnErrorThatNamesThePlace) {
  const auto info = ParseContainerInfo(GetParam().document);
  ASSERT_FALSE(info.ok());
  EXPECT_EQ(info.status().code(), GetParam().code) << info.status();
  EXPECT_THAT(std::string(info.status().message()), HasSubstr(GetParam().text));
}

std::string Config(const std::string& members) { return R"({"config":{)" + members + "}}"; }

INSTANTIATE_TEST_SUITE_P(
    All, BadDocument,
    ::testing::Values(
        BadRow{"Empty", "", absl::StatusCode::kInvalidArgument, "not valid JSON"},
        BadRow{"Cut", R"({"config":{"args":["a)", absl::StatusCode::kInvalidArgument, "JSON"},
        BadRow{"NotUtf8", "{\"config\":{\"working_dir\":\"\xff\"}}",
               absl::StatusCode::kInvalidArgument, "JSON"},
        BadRow{"LoneSurrogate", Config(R"("working_dir":"\ud800")"),
               absl::StatusCode::kInvalidArgument, "JSON"},
        BadRow{"Array", "[]", absl::StatusCode::kInvalidArgument, "must be an object"},
        BadRow{"NoConfig", R"({"sandboxID":"x"})", absl::StatusCode::kInvalidArgument,
               "config: missing"},
        BadRow{"NullConfig", R"({"config":null})", absl::StatusCode::kInvalidArgument,
               "config: missing"},
        BadRow{"ConfigIsText", R"({"config":"x"})", absl::StatusCode::kInvalidArgument,
               "config: must be an object, is string"},
        BadRow{"UnknownTop", Config(R"("novel":1)"), absl::StatusCode::kUnimplemented,
               "config.novel: unknown field"},
        BadRow{"UnknownDeep", Config(R"("mounts":[{},{"host_path":"/a","magic":{}}])"),
               absl::StatusCode::kUnimplemented, "config.mounts[1].magic"},
        BadRow{"UnknownEmptyObject", Config(R"("linux":{"security_context":{"new_thing":{}}})"),
               absl::StatusCode::kUnimplemented, "config.linux.security_context.new_thing"},
        BadRow{"CamelCase", Config(R"("workingDir":"/")"), absl::StatusCode::kUnimplemented,
               "config.workingDir"},
        BadRow{"Windows", Config(R"("windows":{})"), absl::StatusCode::kUnimplemented,
               "config.windows"},
        BadRow{"NumberForText", Config(R"("working_dir":1)"), absl::StatusCode::kInvalidArgument,
               "config.working_dir: must be a string, is number"},
        BadRow{"TextForBool", Config(R"("tty":"yes")"), absl::StatusCode::kInvalidArgument,
               "config.tty: must be true or false"},
        BadRow{"ObjectForList", Config(R"("args":{})"), absl::StatusCode::kInvalidArgument,
               "config.args: must be an array"},
        BadRow{"ListForMap", Config(R"("labels":[])"), absl::StatusCode::kInvalidArgument,
               "config.labels: must be an object"},
        BadRow{"NullInList", Config(R"("mounts":[null])"), absl::StatusCode::kInvalidArgument,
               "config.mounts[0]: must be an object"},
        BadRow{"NumberInMap", Config(R"("labels":{"a":1})"), absl::StatusCode::kInvalidArgument,
               "config.labels[\"a\"]: must be a string"},
        BadRow{"EnumName", Config(R"("mounts":[{"propagation":"PROPAGATION_PRIVATE"}])"),
               absl::StatusCode::kInvalidArgument, "config.mounts[0].propagation"},
        BadRow{"Fraction", Config(R"("metadata":{"attempt":1.5})"),
               absl::StatusCode::kInvalidArgument, "config.metadata.attempt: must be an integer"},
        BadRow{"Negative", Config(R"("metadata":{"attempt":-1})"),
               absl::StatusCode::kInvalidArgument, "config.metadata.attempt: -1 is out of range"},
        BadRow{"TooWide", Config(R"("metadata":{"attempt":4294967296})"),
               absl::StatusCode::kInvalidArgument, "out of range"},
        BadRow{"Beyond64Bits",
               Config(R"("linux":{"resources":{"memory_limit_in_bytes":9223372036854775808}})"),
               absl::StatusCode::kInvalidArgument, "memory_limit_in_bytes"},
        BadRow{"PidIsText", R"({"config":{},"pid":"x"})", absl::StatusCode::kInvalidArgument,
               "pid"},
        BadRow{"TooDeep", Config(R"("args":)" + std::string(100, '[') + std::string(100, ']')),
               absl::StatusCode::kInvalidArgument, "nests deeper"},
        BadRow{"TooLong", std::string(kMaxJsonBytes + 1, ' '), absl::StatusCode::kInvalidArgument,
               "bytes"}),
    [](const auto& row) { return row.param.name; });

TEST(ContainerInfo, IntegersKeepAllTheirBits) {
  const auto info = MustParse(json::parse(
      Config(R"("linux":{"resources":{"memory_limit_in_bytes":9007199254740993,"cpu_quota":-1,)"
             R"("memory_swap_limit_in_bytes":"9223372036854775807",)"
             R"("hugepage_limits":[{"page_size":"2MB","limit":18446744073709551615}]}})")));
  const auto& resources = info.config.linux().resources();
  EXPECT_EQ(resources.memory_limit_in_bytes(), 9007199254740993);
  EXPECT_EQ(resources.memory_swap_limit_in_bytes(), 9223372036854775807);
  EXPECT_EQ(resources.cpu_quota(), -1);
  EXPECT_EQ(resources.hugepage_limits(0).limit(), 18446744073709551615u);
}

TEST(ContainerInfo, EnumNumbersWithoutANameAreCarried) {
  const auto info = MustParse(json::parse(Config(R"("stop_signal":64)")));
  EXPECT_EQ(static_cast<int>(info.config.stop_signal()), 64);
}

TEST(ContainerInfo, OddNamesOfTheCri) {
  const auto info = MustParse(json::parse(
      Config(R"("CDI_devices":[{"name":"v/c=1"}],"mounts":[{"uidMappings":[{"host_id":1}],)"
             R"("gidMappings":[{"length":2}]}])")));
  EXPECT_EQ(info.config.cdi_devices(0).name(), "v/c=1");
  EXPECT_EQ(info.config.mounts(0).uidmappings(0).host_id(), 1u);
  EXPECT_EQ(info.config.mounts(0).gidmappings(0).length(), 2u);
}

TEST(ContainerInfo, NullIsUnsetAndOtherKeysAreLenient) {
  const auto info = MustParse(json::parse(
      R"({"config":{"args":null,"novel":null,"linux":null},"future":{"a":[1]},"removing":true,)"
      R"("sandboxID":7,"pid":null})"));
  EXPECT_FALSE(info.config.has_linux());
  EXPECT_TRUE(info.removing);
  EXPECT_EQ(info.sandbox_id, "");
  EXPECT_EQ(info.pid, 0);
}

TEST(SandboxInfo, NeverTakesThePodForTheHost) {
  json document = FixtureJson("sandbox");
  document["runtimeSpec"] = nullptr;
  auto info = ParseSandboxInfo(document.dump());
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->netns_path, absl::StrCat("/proc/", info->pid, "/ns/net"));

  document["pid"] = 0;
  info = ParseSandboxInfo(document.dump());
  EXPECT_EQ(info.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(info.status().message()), HasSubstr("runtimeSpec.linux.namespaces"));
}

TEST(SandboxInfo, UnknownFieldIsAnError) {
  json document = FixtureJson("sandbox");
  document["config"]["linux"]["novel"] = 1;
  const auto info = ParseSandboxInfo(document.dump());
  EXPECT_EQ(info.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(info.status().message()), HasSubstr("config.linux.novel"));
}

// ---- base64 of vendor builds ----

struct EnvRow {
  const char* name;
  std::vector<std::pair<std::string, std::string>> in_config;
  std::vector<std::string> in_process;
  std::vector<std::string> values;  // expected; empty: kInvalidArgument

  friend void PrintTo(const EnvRow& row, std::ostream* out) { *out << row.name; }
};

class EnvEncoding : public ::testing::TestWithParam<EnvRow> {};

TEST_P(EnvEncoding, IsToldFromTheProcess) {
  json document = {{"config", {{"envs", json::array()}}}};
  for (const auto& [key, value] : GetParam().in_config) {
    json entry = {{"key", key}};
    if (!value.empty()) entry["value"] = value;
    document["config"]["envs"].push_back(entry);
  }
  document["runtimeSpec"]["process"]["env"] = GetParam().in_process;
  const auto info = ParseContainerInfo(document.dump());
  if (GetParam().values.empty()) {
    EXPECT_EQ(info.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(info.status().message()), HasSubstr("config.envs"));
    return;
  }
  ASSERT_TRUE(info.ok()) << info.status();
  std::vector<std::string> values;
  for (const auto& env : info->config.envs()) values.push_back(env.value());
  EXPECT_EQ(values, GetParam().values);
}

INSTANTIATE_TEST_SUITE_P(
    All, EnvEncoding,
    ::testing::Values(
        EnvRow{"Plain", {{"A", "prod"}}, {"A=prod"}, {"prod"}},
        EnvRow{"PlainThatLooksEncoded", {{"A", "cHJvZA=="}}, {"A=cHJvZA=="}, {"cHJvZA=="}},
        EnvRow{"Base64", {{"A", "cHJvZA=="}, {"E", ""}}, {"A=prod", "E="}, {"prod", ""}},
        EnvRow{"Base64OfBytes",
               {{"A", "cHJvZA=="}, {"B", "Yf/+eg=="}},
               {"A=prod", "B=a\uFFFD\uFFFDz"},
               {"prod", "a\xff\xfez"}},
        EnvRow{"OneChangedByThePluginStillDecodes",
               {{"A", "cHJvZA=="}, {"B", "eA=="}},
               {"A=prod", "B=other"},
               {"prod", "x"}},
        EnvRow{"LastOfAKeyCounts", {{"A", "b25l"}, {"A", "dHdv"}}, {"A=two"}, {"one", "two"}},
        EnvRow{"NothingToCompareWith", {{"A", "cHJvZA=="}}, {}, {"cHJvZA=="}},
        EnvRow{"Contradiction", {{"A", "cHJvZA=="}, {"B", "x"}}, {"A=prod", "B=x"}, {}},
        EnvRow{"OneIsNotBase64", {{"A", "cHJvZA=="}, {"B", "?"}}, {"A=prod"}, {}}),
    [](const auto& row) { return row.param.name; });

// ---- any configuration survives ----

class RandomMessage {
 public:
  explicit RandomMessage(uint64_t seed) : random_(seed) {}

  void Fill(google::protobuf::Message& m) {
    const auto* d = m.GetDescriptor();
    for (int i = 0; i < d->field_count(); ++i) {
      const auto* f = d->field(i);
      if (Draw(3) == 0) continue;
      const int n = f->is_repeated() ? static_cast<int>(Draw(4)) : 1;
      for (int k = 0; k < n; ++k) Put(m, f);
    }
  }

 private:
  uint64_t Draw(uint64_t below) { return random_() % below; }

  std::string Text() {
    static const char* const kPieces[] = {"a",  "/",   "=",      "\"",      "\\",
                                          "\n", "<&>", "\u2028", "\u00fc",  "\U0001F600",
                                          "0",  " ",   "\x01",   "cHJvZA=="};
    std::string text;
    for (uint64_t n = Draw(6); n > 0; --n) text += kPieces[Draw(std::size(kPieces))];
    return text;
  }

  void Put(google::protobuf::Message& m, const google::protobuf::FieldDescriptor* f) {
    using Field = google::protobuf::FieldDescriptor;
    const auto* r = m.GetReflection();
    const bool many = f->is_repeated();
    const uint64_t bits = Draw(4) == 0 ? 0 : random_() >> Draw(64);
    switch (f->cpp_type()) {
      case Field::CPPTYPE_BOOL:
        return many ? r->AddBool(&m, f, bits & 1) : r->SetBool(&m, f, bits & 1);
      case Field::CPPTYPE_INT32: {
        const auto v = static_cast<int32_t>(bits);
        return many ? r->AddInt32(&m, f, v) : r->SetInt32(&m, f, v);
      }
      case Field::CPPTYPE_UINT32: {
        const auto v = static_cast<uint32_t>(bits);
        return many ? r->AddUInt32(&m, f, v) : r->SetUInt32(&m, f, v);
      }
      case Field::CPPTYPE_INT64: {
        const auto v = static_cast<int64_t>(bits);
        return many ? r->AddInt64(&m, f, v) : r->SetInt64(&m, f, v);
      }
      case Field::CPPTYPE_UINT64:
        return many ? r->AddUInt64(&m, f, bits) : r->SetUInt64(&m, f, bits);
      case Field::CPPTYPE_ENUM: {
        const int v = static_cast<int>(Draw(5));
        return many ? r->AddEnumValue(&m, f, v) : r->SetEnumValue(&m, f, v);
      }
      case Field::CPPTYPE_STRING:
        return many ? r->AddString(&m, f, Text()) : r->SetString(&m, f, Text());
      case Field::CPPTYPE_MESSAGE:
        if (f->is_map()) return PutPair(m, f);
        return Fill(many ? *r->AddMessage(&m, f) : *r->MutableMessage(&m, f));
      default:
        FAIL() << f->full_name() << ": a type that the tests do not make";
    }
  }

  void PutPair(google::protobuf::Message& m, const google::protobuf::FieldDescriptor* f) {
    // A key that is new: a map written twice would not be a map.
    auto* pair = m.GetReflection()->AddMessage(&m, f);
    pair->GetReflection()->SetString(pair, f->message_type()->map_key(),
                                     absl::StrCat(Text(), ++serial_));
    pair->GetReflection()->SetString(pair, f->message_type()->map_value(), Text());
  }

  std::mt19937_64 random_;
  int serial_ = 0;
};

TEST(Property, ContainerConfigSurvivesGoJson) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    ContainerConfig config;
    RandomMessage(seed).Fill(config);
    const auto info = ParseContainerInfo(json{{"config", GoJson(config)}}.dump());
    ASSERT_TRUE(info.ok()) << "seed " << seed << ": " << info.status();
    ASSERT_TRUE(MessageDifferencer::Equals(config, info->config))
        << "seed " << seed << "\n"
        << config.DebugString() << info->config.DebugString();
  }
}

TEST(Property, SandboxConfigSurvivesGoJson) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    PodSandboxConfig config;
    RandomMessage(seed).Fill(config);
    const auto info = ParseSandboxInfo(json{{"config", GoJson(config)}, {"pid", 1}}.dump());
    ASSERT_TRUE(info.ok()) << "seed " << seed << ": " << info.status();
    ASSERT_TRUE(MessageDifferencer::Equals(config, info->config)) << "seed " << seed;
  }
}

TEST(Property, Base64EnvDecodesToTheSameBytes) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 300; ++round) {
    ContainerConfig config;
    json process = json::array();
    for (int i = 0; i < 4; ++i) {
      std::string value;
      for (uint64_t n = random() % 9; n > 0; --n) value += static_cast<char>(random());
      auto& env = *config.add_envs();
      env.set_key(absl::StrCat("K", i));
      env.set_value(value);
      process.push_back(absl::StrCat("K", i, "=", ReplaceInvalidUtf8(value)));
    }
    ContainerConfig encoded = config;
    for (auto& env : *encoded.mutable_envs()) env.set_value(absl::Base64Escape(env.value()));
    json document = {{"config", GoJson(encoded)}};
    document["runtimeSpec"]["process"]["env"] = process;
    const auto info = ParseContainerInfo(document.dump());
    ASSERT_TRUE(info.ok()) << info.status();
    ASSERT_TRUE(MessageDifferencer::Equals(config, info->config)) << "round " << round;
  }
}

TEST(Utf8, ReplacesByteByByteAsGoDoes) {
  EXPECT_EQ(ReplaceInvalidUtf8("plain \u00fc\u2028\U0001F600"), "plain \u00fc\u2028\U0001F600");
  EXPECT_EQ(ReplaceInvalidUtf8("a\xff\xfez"), "a\uFFFD\uFFFDz");
  EXPECT_EQ(ReplaceInvalidUtf8("\xe2\x80"), "\uFFFD\uFFFD");            // cut short
  EXPECT_EQ(ReplaceInvalidUtf8("\xc0\xaf"), "\uFFFD\uFFFD");            // overlong
  EXPECT_EQ(ReplaceInvalidUtf8("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD");  // surrogate
  EXPECT_EQ(ReplaceInvalidUtf8("\xf4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
}

}  // namespace
}  // namespace rekindle::cri
