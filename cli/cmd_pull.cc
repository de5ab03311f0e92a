#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "cli/call.h"
#include "cli/command.h"
#include "cli/live_view.h"

#include "common/base/proto_time.h"
#include "common/base/text.h"

namespace rekindle::cli {
namespace {

constexpr absl::Duration kPullLimit = absl::Hours(1);

struct PullOptions {
  std::string image;
  std::string username;
  std::string server;
  bool password_stdin = false;
  bool identity_token_stdin = false;
};

// The secret on standard input, without the line break that shells put behind it.
absl::StatusOr<std::string> ReadSecret(const char* flag, std::istream& in) {
  std::string secret;
  std::getline(in, secret);
  if (!secret.empty() && secret.back() == '\r') secret.pop_back();
  if (secret.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(flag, ": standard input is empty"));
  }
  return secret;
}

absl::StatusOr<v1::PullImageRequest> BuildPull(const PullOptions& options, std::istream& in) {
  v1::PullImageRequest request;
  request.set_image(options.image);
  request.set_username(options.username);
  request.set_server_address(options.server);
  if (options.username.empty() == options.password_stdin) {
    return absl::InvalidArgumentError("--username and --password-stdin belong together");
  }
  if (options.password_stdin && options.identity_token_stdin) {
    return absl::InvalidArgumentError(
        "--password-stdin and --identity-token-stdin exclude each other");
  }
  if (options.password_stdin) {
    auto secret = ReadSecret("--password-stdin", in);
    if (!secret.ok()) return secret.status();
    request.set_password(*secret);
  } else if (options.identity_token_stdin) {
    auto secret = ReadSecret("--identity-token-stdin", in);
    if (!secret.ok()) return secret.status();
    request.set_identity_token(*secret);
  }
  return request;
}

int RunPull(const PullOptions& options, const Session& session) {
  const auto request = BuildPull(options, session.io.in);
  if (!request.ok()) return session.Fail(request.status());
  using Events = Stream<v1::PullImageResponse>;
  Events stream(session.timeout.value_or(kPullLimit), [&](auto* context, auto* queue) {
    return session.stub->PrepareAsyncPullImage(context, *request, queue);
  });
  LiveView view(session.io.out, session.io.out_is_tty && session.for_people());
  v1::PullImageResponse event;
  v1::PullResult result;
  while (!session.io.interrupted.load()) {
    switch (stream.Next(kTick, event)) {
      case Events::Event::kMessage:
        if (event.has_result()) result = event.result();
        if (event.has_progress()) {
          view.Draw({RenderPullProgress(options.image, event.progress(), session.style())});
        }
        break;
      case Events::Event::kEnd:
        view.Clear();
        if (!stream.status().ok()) return session.Fail(stream.status());
        session.Print(result, [&] {
          return absl::StrCat(PrintableText(options.image), ": pulled in ",
                              SpanText(FromProto(result.elapsed())), " (",
                              PrintableText(result.image_id()), ")\n");
        });
        return kExitOk;
      case Events::Event::kNothing:
        break;
    }
  }
  view.Clear();
  session.io.err << "interrupted; the pull is given up\n";
  return kExitInterrupted;
}

}  // namespace

void AddPullCommand(CLI::App& node, Chosen& chosen) {
  auto options = std::make_shared<PullOptions>();
  CLI::App* command = AddCommand(
      node,
      {.name = "pull",
       .summary = "Pull an image. Credentials come on standard input, serve this one pull and are "
                  "kept nowhere. Gives up after 1h unless --timeout says otherwise.",
       .examples = "  rekindle node pull registry.example/app:1.4\n"
                   "  rekindle node pull registry.example/app:1.4 --username ci --password-stdin "
                   "< secret"},
      chosen);
  command->add_option("IMAGE", options->image, "Reference with tag or digest.")->required();
  command->add_option("--username", options->username, "User of the registry.")->type_name("NAME");
  command->add_flag("--password-stdin", options->password_stdin,
                    "Read the password from standard input.");
  command->add_flag("--identity-token-stdin", options->identity_token_stdin,
                    "Read an identity token from standard input instead of a password.");
  command
      ->add_option("--server", options->server,
                   "Send the credentials to this registry only. Default: the image's.")
      ->type_name("HOST");
  command->callback([options, &chosen] {
    chosen.run = [options](Session& session) { return RunPull(*options, session); };
  });
}

}  // namespace rekindle::cli
