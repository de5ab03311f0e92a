#include "daemon/restart/journal/record_codec.h"

#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rekindle/journal/v1/journal.pb.h"
#include "tests/daemon/restart/journal/journal_testing.h"

namespace rekindle::restart {
namespace {

namespace pb = ::rekindle::journal::v1;
using ::testing::HasSubstr;

OperationRecord RoundTrip(const OperationRecord& record) {
  absl::StatusOr<OperationRecord> back = DecodeRecord(EncodeRecord(record));
  EXPECT_TRUE(back.ok()) << back.status();
  return back.ok() ? *std::move(back) : OperationRecord();
}

TEST(RecordCodec, KeepsEveryField) { EXPECT_EQ(RoundTrip(FullRecord()), FullRecord()); }

// Each field that FullRecord sets must reach the message: one that the codec forgot would be equal
// to its default on the way back and fail KeepsEveryField only if FullRecord sets it.
TEST(RecordCodec, FullRecordSetsEveryFieldOfTheMessage) {
  pb::OperationRecord message;
  ASSERT_TRUE(message.ParseFromString(EncodeRecord(FullRecord())));
  const auto* descriptor = pb::OperationRecord::descriptor();
  std::vector<const google::protobuf::FieldDescriptor*> set;
  message.GetReflection()->ListFields(message, &set);
  // proto3 does not list a false bool: old_was_running is true by default, so false is its test.
  EXPECT_EQ(static_cast<int>(set.size()) + 1, descriptor->field_count());
}

TEST(RecordCodec, KeepsDefaults) {
  OperationRecord record = SmallRecord("r");
  record.history.clear();
  EXPECT_EQ(RoundTrip(record), record);
  EXPECT_EQ(RoundTrip(record).ended, absl::InfiniteFuture());
  EXPECT_FALSE(RoundTrip(record).gap.has_value());
}

// A record of version 1 (docs/formats/journal.md).
TEST(RecordCodec, ReadsRecordsFromBeforeTheKubelet) {
  pb::OperationRecord message;
  ASSERT_TRUE(message.ParseFromString(EncodeRecord(SmallRecord("r"))));
  message.set_method(2);
  for (const int field : {25, 26, 27, 28, 58, 59, 60, 61, 62, 63, 64, 65}) {
    message.GetReflection()->ClearField(
        &message, pb::OperationRecord::descriptor()->FindFieldByNumber(field));
  }
  const absl::StatusOr<OperationRecord> record = DecodeRecord(message.SerializeAsString());
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->requested_method, Method::kHot);
  EXPECT_FALSE(record->beside_kubelet);
  EXPECT_FALSE(record->aftercare);
  EXPECT_FALSE(record->backoff_until.has_value());
}

TEST(RecordCodec, KeepsAZeroGap) {
  OperationRecord record = SmallRecord("r");
  record.gap = absl::ZeroDuration();
  EXPECT_EQ(RoundTrip(record).gap, absl::ZeroDuration());
}

TEST(RecordCodec, KeepsEveryEnumValue) {
  for (Method method : {Method::kReplace, Method::kHot, Method::kDelegate}) {
    for (uint32_t phase = 1; phase <= 11; ++phase) {
      OperationRecord record = SmallRecord("r");
      record.method = method;
      record.phase = static_cast<Phase>(phase);
      record.history = {{record.phase, absl::UnixEpoch()}};
      EXPECT_EQ(RoundTrip(record), record) << phase;
    }
  }
}

TEST(RecordCodec, KeepsEveryHandlerInEveryPlace) {
  const hooks::Handler handlers[] = {hooks::ExecAction{{"a", "b"}},
                                     hooks::ExecAction{},
                                     hooks::HttpGetAction{},
                                     hooks::HttpGetAction{"h", 1, "", true, {{"n", "v"}}},
                                     hooks::TcpSocketAction{"h", 2},
                                     hooks::SleepAction{absl::Seconds(3)},
                                     hooks::SleepAction{}};
  for (const hooks::Handler& handler : handlers) {
    OperationRecord record = SmallRecord("r");
    record.pre_stop = handler;
    record.post_start = handler;
    record.ready_check = ReadyCheck{handler};
    EXPECT_EQ(RoundTrip(record), record) << handler.index();
  }
}

TEST(RecordCodec, TimesAndDurationsBeyondTheRangeBecomeInfinite) {
  struct Row {
    absl::Duration in, out;
  };
  const Row rows[] = {
      {absl::InfiniteDuration(), absl::InfiniteDuration()},
      {-absl::InfiniteDuration(), -absl::InfiniteDuration()},
      {absl::Hours(24 * 366 * 400), absl::InfiniteDuration()},
      {-absl::Hours(24 * 366 * 400), -absl::InfiniteDuration()},
      {absl::Nanoseconds(-1), absl::Nanoseconds(-1)},
      {absl::ZeroDuration(), absl::ZeroDuration()},
  };
  for (const Row& row : rows) {
    OperationRecord record = SmallRecord("r");
    record.grace = row.in;
    record.deadline = absl::UnixEpoch() + row.in;
    EXPECT_EQ(RoundTrip(record).grace, row.out);
    EXPECT_EQ(RoundTrip(record).deadline, absl::UnixEpoch() + row.out);
  }
}

TEST(RecordCodec, RefusesWhatIsWrongAndNamesIt) {
  struct Row {
    const char* name;
    std::function<void(pb::OperationRecord&)> spoil;
  };
  const Row rows[] = {
      {"request_id", [](auto& m) { m.clear_request_id(); }},
      {"container_name", [](auto& m) { m.clear_container_name(); }},
      {"method", [](auto& m) { m.set_method(0); }},
      {"method", [](auto& m) { m.set_method(4); }},  // only asked for
      {"method", [](auto& m) { m.set_method(5); }},
      {"method", [](auto& m) { m.set_requested_method(5); }},
      {"phase", [](auto& m) { m.set_phase(0); }},
      {"phase", [](auto& m) { m.set_phase(12); }},
      {"phase", [](auto& m) { m.set_phase(0x80000001); }},
      {"history.phase", [](auto& m) { m.mutable_history(0)->set_phase(77); }},
      {"pre_stop", [](auto& m) { m.mutable_pre_stop()->clear_action(); }},
      {"post_start.port", [](auto& m) { m.mutable_post_start()->mutable_http()->set_port(65536); }},
      {"post_start.port",
       [](auto& m) { m.mutable_post_start()->mutable_tcp()->set_port(1u << 20); }},
      {"post_start.headers",
       [](auto& m) { m.mutable_post_start()->mutable_http()->add_header_names("x"); }},
      {"ready_check.handler", [](auto& m) { m.mutable_ready_check()->clear_handler(); }},
  };
  for (const Row& row : rows) {
    pb::OperationRecord message;
    ASSERT_TRUE(message.ParseFromString(EncodeRecord(FullRecord())));
    row.spoil(message);
    const absl::StatusOr<OperationRecord> decoded = DecodeRecord(message.SerializeAsString());
    ASSERT_FALSE(decoded.ok()) << row.name;
    EXPECT_EQ(decoded.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(decoded.status().message()), HasSubstr(row.name));
  }
}

TEST(RecordCodec, RefusesEveryTruncation) {
  // Some prefixes are messages of their own, but then without the required fields or shorter.
  const std::string whole = EncodeRecord(FullRecord());
  for (size_t size = 0; size < whole.size(); ++size) {
    const absl::StatusOr<OperationRecord> decoded = DecodeRecord(whole.substr(0, size));
    EXPECT_FALSE(decoded.ok() && *decoded == FullRecord()) << size;
  }
  EXPECT_FALSE(DecodeRecord("").ok());
  EXPECT_FALSE(DecodeRecord("\xff\xff\xff").ok());
}

}  // namespace
}  // namespace rekindle::restart
