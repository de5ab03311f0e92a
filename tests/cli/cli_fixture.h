#ifndef REKINDLE_TEST_CLI_CLI_FIXTURE_H_
#define REKINDLE_TEST_CLI_CLI_FIXTURE_H_

#include <atomic>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cli/app.h"
#include "cli/render.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/cli/samples.h"
#include "tests/fakes/fake_node_service.h"

namespace rekindle::cli {

// Runs the tool against a fake daemon on a Unix socket.
class CliTest : public ::testing::Test {
 protected:
  struct Result {
    int code;
    std::string out;
    std::string err;
  };

  CliTest() {
    service_.Set([](FakeNodeService::Answers& answers) {
      answers.pods = SamplePods();
      answers.operations = SampleOperations();
      answers.info = SampleInfo();
    });
    service_.Start();
    environment_["REKINDLE_SOCKET"] = service_.socket();
  }

  Result Run(const std::vector<std::string>& args, const std::string& input = "") {
    std::ostringstream out;
    std::ostringstream err;
    std::istringstream in(input);
    Io io{.out = out,
          .err = err,
          .in = in,
          .out_is_tty = tty_,
          .width = 100,
          .getenv = [this](const std::string& name) -> std::optional<std::string> {
            const auto it = environment_.find(name);
            if (it == environment_.end()) return std::nullopt;
            return it->second;
          },
          .now = [] { return kStart + absl::Seconds(2); },
          .new_request_id = [] { return "cli-1"; },
          .interrupted = interrupted_};
    const int code = cli::Run(args, io);
    return {code, out.str(), err.str()};
  }

  using Restart = FakeNodeService::Script<v1::RestartContainersResponse>;

  // A stream that shows `operations` one after the other.
  static Restart Stream(const std::vector<v1::Operation>& operations) {
    Restart script;
    for (const auto& operation : operations) {
      *script.messages.emplace_back().mutable_operation() = operation;
    }
    return script;
  }
  static Restart FailingStream(grpc::StatusCode code, const std::string& message) {
    Restart script;
    script.status = grpc::Status(code, message);
    return script;
  }

  FakeNodeService service_;
  std::map<std::string, std::string> environment_;
  std::atomic<bool> interrupted_{false};
  bool tty_ = false;
};

}  // namespace rekindle::cli

#endif  // REKINDLE_TEST_CLI_CLI_FIXTURE_H_
