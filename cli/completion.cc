#include "cli/completion.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/api_completion.h"
#include "cli/call.h"
#include "cli/session.h"

namespace rekindle::cli {
namespace {

constexpr absl::Duration kAskLimit = absl::Seconds(1);  // a person waits for the key press
constexpr char kBash[] = R"(# bash completion of rekindle
_rekindle() {
  local IFS=$'\n'
  # Words as the shell split them, so that a "=" or ":" inside one does not confuse the program.
  COMPREPLY=($(rekindle __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
}
complete -F _rekindle rekindle
)";
constexpr char kZsh[] = R"(#compdef rekindle
_rekindle() {
  local -a candidates
  candidates=("${(@f)$(rekindle __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a candidates
}
if [ "$funcstack[1]" = "_rekindle" ]; then
  _rekindle "$@"
else
  compdef _rekindle rekindle
fi
)";
constexpr char kFish[] = R"(# fish completion of rekindle
function __rekindle_complete
  set -l words (commandline -opc) (commandline -ct)
  rekindle __complete $words[2..-1] 2>/dev/null
end
complete -c rekindle -f -a '(__rekindle_complete)'
)";

// The fixed values of options. CLI11 keeps them inside a check, out of reach.
const std::map<std::string, std::vector<std::string>>& FixedValues() {
  static const auto* const kValues = new std::map<std::string, std::vector<std::string>>{
      {"--method", {"auto", "delegate", "hot", "replace"}},
      {"--on-failure", {"fail", "ignore"}},
      {"--output", {"json", "table", "yaml"}},
      {"--restart-policy", {"Always", "Never", "OnFailure"}},
  };
  return *kValues;
}

// What the words before the last one mean.
struct Line {
  const CLI::App* command = nullptr;
  std::vector<std::string> positionals;
  std::map<std::string, std::string> values;  // by the option's first name
  const CLI::Option* open = nullptr;          // the option whose value is being completed
};

const CLI::App* FindCommand(const CLI::App& app, const std::string& word) {
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->check_name(word)) return command;
  }
  return nullptr;
}

Line ReadLine(const CLI::App& app, const std::vector<std::string>& words) {
  Line line{.command = &app, .positionals = {}, .values = {}, .open = nullptr};
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (line.open != nullptr) {
      line.values[line.open->get_name()] = word;
      line.open = nullptr;
    } else if (absl::StartsWith(word, "-")) {
      const size_t equals = word.find('=');
      const CLI::Option* option = line.command->get_option_no_throw(word.substr(0, equals));
      if (option == nullptr || option->get_expected_max() == 0) continue;
      if (equals != std::string::npos) {
        line.values[option->get_name()] = word.substr(equals + 1);
      } else {
        line.open = option;
      }
    } else if (const CLI::App* next = FindCommand(*line.command, word); next != nullptr) {
      line.command = next;
    } else {
      line.positionals.push_back(word);
    }
  }
  return line;
}

// Asks the daemon of the line's --socket.
class Daemon {
 public:
  Daemon(const Line& line, const Io& io) : io_(io) {
    const auto socket = line.values.find("--socket");
    Target target;
    target.socket =
        socket != line.values.end() ? socket->second : io.getenv("REKINDLE_SOCKET").value_or("");
    if (target.socket.empty()) target.socket = kDefaultSocket;
    auto channel = Connect(target);
    if (channel.ok()) stub_ = v1::NodeService::NewStub(*channel);
  }

  std::vector<std::string> Pods() const {
    std::vector<std::string> names;
    const v1::ListPodsResponse pods = List({});
    for (const v1::Pod& pod : pods.pods()) {
      names.push_back(PodName(pod.ref()));
      if (pod.ref().namespace_() == "default") names.push_back(pod.ref().name());
    }
    return names;
  }

  std::vector<std::string> Containers(const std::string& pod_text) const {
    std::vector<std::string> names;
    const auto ref = ParsePod(pod_text);
    if (!ref.ok()) return names;
    const v1::ListPodsResponse pods = List(*ref);
    for (const v1::Pod& pod : pods.pods()) {
      for (const auto& container : pod.containers()) names.push_back(container.name());
    }
    return names;
  }

  std::vector<std::string> Operations() const {
    std::vector<std::string> ids;
    if (stub_ == nullptr) return ids;
    const v1::ListOperationsRequest request;
    const auto reply =
        Call<v1::ListOperationsResponse>(io_, kAskLimit, [&](auto* context, auto* queue) {
          return stub_->PrepareAsyncListOperations(context, request, queue);
        });
    if (!reply.ok()) return ids;
    for (const auto& operation : reply->operations()) ids.push_back(operation.id());
    return ids;
  }

 private:
  v1::ListPodsResponse List(const v1::PodRef& ref) const {
    if (stub_ == nullptr) return {};
    v1::ListPodsRequest request;
    request.set_namespace_(ref.namespace_());
    request.set_name(ref.name());
    const auto reply = Call<v1::ListPodsResponse>(io_, kAskLimit, [&](auto* context, auto* queue) {
      return stub_->PrepareAsyncListPods(context, request, queue);
    });
    return reply.ok() ? *reply : v1::ListPodsResponse();
  }

  const Io& io_;
  std::unique_ptr<v1::NodeService::Stub> stub_;
};

std::vector<std::string> OptionNames(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back(absl::StrCat("--", name));
  }
  return names;
}

std::vector<std::string> Candidates(const Line& line, const std::string& word, const Io& io) {
  if (line.open != nullptr) {
    const std::string name = line.open->get_name();
    const auto fixed = FixedValues().find(name);
    if (fixed != FixedValues().end()) return fixed->second;
    if (IsOfApi(*line.command)) {
      return ApiCandidates(*line.command, line.values, line.positionals, name, io);
    }
    if (name == "--container" && !line.positionals.empty()) {
      return Daemon(line, io).Containers(line.positionals.front());
    }
    if (name == "--pod") return Daemon(line, io).Pods();
    return {};
  }
  if (absl::StartsWith(word, "-")) return OptionNames(*line.command);
  std::vector<std::string> names;
  for (const CLI::App* command :
       line.command->get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  if (!names.empty()) return names;
  if (IsOfApi(*line.command)) {
    return ApiCandidates(*line.command, line.values, line.positionals, "", io);
  }
  if (!line.positionals.empty()) return {};
  const std::string command = line.command->get_name();
  if (command == "ps" || command == "restart" || command == "watch") return Daemon(line, io).Pods();
  if (command == "ops" || command == "cancel") return Daemon(line, io).Operations();
  if (command == "completion") return {"bash", "fish", "zsh"};
  return {};
}

}  // namespace

std::string Complete(const CLI::App& app, const std::vector<std::string>& words, const Io& io) {
  const std::string word = words.empty() ? "" : words.back();
  const std::vector<std::string> candidates = Candidates(ReadLine(app, words), word, io);
  std::string out;
  for (const std::string& candidate : std::set<std::string>(candidates.begin(), candidates.end())) {
    if (absl::StartsWith(candidate, word)) absl::StrAppend(&out, candidate, "\n");
  }
  return out;
}

std::string CompletionScript(const std::string& shell) {
  if (shell == "zsh") return kZsh;
  if (shell == "fish") return kFish;
  return kBash;
}

}  // namespace rekindle::cli
