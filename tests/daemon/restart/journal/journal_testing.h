#ifndef REKINDLE_TEST_DAEMON_RESTART_JOURNAL_TESTING_H_
#define REKINDLE_TEST_DAEMON_RESTART_JOURNAL_TESTING_H_

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "common/base/asio_loop.h"
#include "common/base/sync.h"
#include "daemon/restart/journal.h"
#include "daemon/restart/operation.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle::restart {

inline std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// A record as the engine accepts it.
inline OperationRecord SmallRecord(const std::string& request, const std::string& container = "c") {
  OperationRecord record;
  record.request_id = request;
  record.container_name = container;
  record.pod = {"ns", "web-0", "8f3c2a"};
  record.grace = absl::Seconds(30);
  record.created = absl::FromUnixSeconds(1'800'000'000);
  record.deadline = absl::FromUnixSeconds(1'800'000'150);
  record.history = {{Phase::kAccepted, absl::FromUnixSeconds(1'800'000'000)}};
  return record;
}

// A record with every field set to something that is not its default.
inline OperationRecord FullRecord() {
  OperationRecord r;
  r.request_id = "5c1d";
  r.pod = {"prod", "web-3", "uid-3"};
  r.index = 2;
  r.ordered = true;
  r.ignore_failures = true;
  r.force = true;
  r.unready_grace = absl::Milliseconds(1500);
  r.container_name = "app";
  r.expected_container_id = "old1";
  r.method = Method::kHot;
  r.grace = absl::Seconds(45);
  r.pre_stop = hooks::ExecAction{{"/bin/sh", "-c", "", std::string("\xff\x00 raw", 6)}};
  r.post_start = hooks::HttpGetAction{"10.1.2.3", 8080, "/warm?x=1", true, {{"A", "1"}, {"A", ""}}};
  r.min_started = absl::Nanoseconds(1);
  r.ready_check = ReadyCheck{hooks::TcpSocketAction{"::1", 65535}, absl::Milliseconds(250),
                             absl::Seconds(3), 7};
  r.env = {{"B", "\xfe not utf-8"}, {"A", ""}};
  r.unset_env = {"OLD", "OLDER"};
  r.created = absl::FromUnixNanos(1'800'000'000'123'456'789);
  r.deadline = absl::InfiniteFuture();
  r.phase = Phase::kVerifying;
  r.history = {{Phase::kAccepted, absl::FromUnixNanos(5)},
               {Phase::kVerifying, absl::FromUnixNanos(9)}};
  r.message = "waits \xc3\x28";
  r.sandbox_id = "sb";
  r.old_container_id = "old1";
  r.old_was_running = false;
  r.new_container_id = "new1";
  r.attempt = 12;
  r.start_failures = 3;
  r.old_exit_code = -137;
  r.gap = absl::Milliseconds(142);
  r.pre_stop_result = "ok";
  r.post_start_result = "exit code 3";
  r.service_down = true;
  r.ended = absl::FromUnixSeconds(1'800'000'010);
  r.leftovers = {"x", "y"};
  r.log_path = "/var/log/pods/a/app/2.log";
  r.requested_method = Method::kAuto;
  r.method_reason = "asked for";
  r.beside_kubelet = true;
  r.health_checked = true;
  r.old_attempt = 11;
  r.adopted = true;
  r.backoff_until = absl::FromUnixSeconds(1'800'000'020);
  r.aftercare = true;
  r.aftercare_from = absl::FromUnixSeconds(1'800'000'011);
  r.aftercare_step = 2;
  r.aftercare_result = "attempt 11 ran beside a newer one";
  return r;
}

// Calls a journal on its loop and waits for the reply.
class JournalCaller {
 public:
  JournalCaller(AsioLoop& loop, Journal& journal) : loop_(loop), journal_(journal) {}

  absl::Status Append(std::vector<OperationRecord> records) {
    return Call([&](Journal::Done done) { journal_.Append(std::move(records), std::move(done)); });
  }
  absl::Status Update(const OperationRecord& record) {
    return Call([&](Journal::Done done) { journal_.Update(record, std::move(done)); });
  }
  absl::Status Remove(std::vector<std::string> ids) {
    return Call([&](Journal::Done done) { journal_.Remove(std::move(ids), std::move(done)); });
  }

 private:
  template <typename F>
  absl::Status Call(F call) {
    absl::Status result = absl::DeadlineExceededError("no reply");
    Latch replied;
    loop_.Post([&] {
      call([&](absl::Status status) {
        result = std::move(status);
        replied.Open();
      });
    });
    replied.Wait();
    return result;
  }

  AsioLoop& loop_;
  Journal& journal_;
};

}  // namespace rekindle::restart

#endif  // REKINDLE_TEST_DAEMON_RESTART_JOURNAL_TESTING_H_
