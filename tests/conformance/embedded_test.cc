// The cases against the embedded API server.
#include <sys/stat.h>

#include <fstream>

#include "controller/app/embedded_server.h"
#include "tests/conformance/suite.h"
#include "tests/fakes/temp_dir.h"

int main(int argc, char** argv) {
  rekindle::TempDir dir;
  std::unique_ptr<rekindle::EmbeddedServer> server;
  return rekindle::conformance::SuiteMain(
      argc, argv, [&]() -> absl::StatusOr<rekindle::conformance::Endpoint> {
        const std::string tokens = dir / "tokens";
        std::ofstream(tokens) << "administrator,admin,1,\"system:masters\"\n"
                                 "reader,reader,2,\"rekindle:read-only\"\n";
        ::chmod(tokens.c_str(), 0600);
        absl::StatusOr<std::unique_ptr<rekindle::EmbeddedServer>> started =
            rekindle::EmbeddedServer::Start(
                {.data_dir = dir / "data", .port = 0, .token_file = tokens});
        if (!started.ok()) return started.status();
        server = *std::move(started);
        return rekindle::conformance::Endpoint{
            .url = server->url(), .token = "administrator", .reader_token = "reader"};
      });
}
