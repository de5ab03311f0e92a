#include "tests/conformance/runner.h"

#include <random>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace rekindle::conformance {
namespace {

using nlohmann::json;

// Collectors and controllers need their time on a machine that does other things too.
constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr absl::Duration kPause = absl::Milliseconds(100);

absl::Status Bad(const Line& line, absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat("line ", line.number, ": ", what));
}

int MinorOf(absl::string_view version) {
  int out = 0;
  const size_t dot = version.find('.');
  if (dot != absl::string_view::npos) (void)absl::SimpleAtoi(version.substr(dot + 1), &out);
  return out;
}

std::string TextOf(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

// One case while it runs.
class Runner::Play {
 public:
  Play(Http& http, std::map<std::string, std::string> values)
      : http_(http), values_(std::move(values)) {}

  absl::Status Take(const Step& step) {
    const std::string command = Fill(step.command);
    std::vector<std::string> words = absl::StrSplit(command, ' ');
    const bool until = words[0] == "UNTIL";
    if (until) words.erase(words.begin());
    if (words[0] == "WATCH") return Watch(step, words);
    if (words[0] == "EVENT" || words[0] == "CLOSED") return Event(step, words);
    Request request;
    if (absl::Status status = Make(step, words, request); !status.ok()) return status;
    const absl::Time deadline = absl::Now() + kPatience;
    while (true) {
      const absl::Status status = Ask(step, request);
      if (status.ok() || !until || absl::Now() > deadline) return status;
      std::this_thread::sleep_for(absl::ToChronoMilliseconds(kPause));
    }
  }

 private:
  std::string Fill(absl::string_view text) const { return Substitute(text, values_); }

  absl::Status Make(const Step& step, const std::vector<std::string>& words, Request& out) {
    static const auto& patches = *new std::map<std::string, std::string>{
        {"JSONPATCH", "application/json-patch+json"},
        {"MERGE", "application/merge-patch+json"},
        {"STRATEGIC", "application/strategic-merge-patch+json"},
        {"APPLY", "application/apply-patch+yaml"}};
    if (words.size() < 2) return absl::InvalidArgumentError("a request needs a path");
    out.method = words[0];
    out.path = words[1];
    for (size_t i = 2; i < words.size(); ++i) {
      if (words[i] == "user=reader") out.who = Who::kReader;
      if (words[i] == "user=none") out.who = Who::kNobody;
      if (words[i] == "user=bad") out.who = Who::kStranger;
    }
    std::vector<std::string> body;
    std::map<std::string, std::string> given;
    for (const Line& line : step.lines) {
      if (line.mark == '|') body.push_back(Fill(line.text));
      if (line.mark == '*' && !absl::Base64Unescape(line.text, &out.body)) {
        return Bad(line, "no base64");
      }
      if (line.mark == '>') {
        const std::pair<std::string, std::string> pair =
            absl::StrSplit(Fill(line.text), absl::MaxSplits(": ", 1));
        given.insert(pair);
      }
      if (line.mark == '+') {
        json whole = json::parse(absl::StrJoin(body, "\n"), nullptr, false);
        const json patch = json::parse(Fill(line.text), nullptr, false);
        if (whole.is_discarded() || patch.is_discarded()) return Bad(line, "no JSON");
        whole.merge_patch(patch);
        body = {whole.dump()};
      }
    }
    if (!body.empty()) out.body = absl::StrJoin(body, "\n");
    if (const auto patch = patches.find(out.method); patch != patches.end()) {
      out.method = "PATCH";
      out.headers["Content-Type"] = patch->second;
    } else if (!out.body.empty()) {
      out.headers["Content-Type"] = "application/json";
    }
    for (const auto& [name, value] : given) out.headers[name] = value;
    return absl::OkStatus();
  }

  absl::Status Ask(const Step& step, const Request& request) {
    const absl::StatusOr<Answer> answer = http_.Call(request);
    if (!answer.ok()) return answer.status();
    const std::string about =
        absl::StrCat(request.method, " ", request.path, " (", answer->status, "): ");
    for (const Line& line : step.lines) {
      if (line.mark == '=') {
        const std::vector<std::string> good = absl::StrSplit(Fill(line.text), ' ');
        if (std::find(good.begin(), good.end(), absl::StrCat(answer->status)) == good.end()) {
          return Bad(line, absl::StrCat(about, "wanted ", Fill(line.text), "\n",
                                        answer->body.substr(0, 1000)));
        }
      }
      if (absl::Status status = Look(line, *answer, about); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // A check, or a variable to keep.
  absl::Status Look(const Line& line, const Answer& answer, const std::string& about) {
    if (line.mark == '?') {
      const std::string check = Fill(line.text);
      const std::string wrong = Check(check, answer);
      if (!wrong.empty()) return Bad(line, absl::StrCat(about, check, ": ", wrong));
    }
    if (line.mark == '!') {
      const std::pair<std::string, std::string> pair =
          absl::StrSplit(line.text, absl::MaxSplits(' ', 1));
      const std::optional<json> value = At(answer.tree, Fill(pair.second));
      if (!value.has_value()) {
        return Bad(line, absl::StrCat(about, "nothing at ", pair.second, "\n",
                                      answer.body.substr(0, 1000)));
      }
      values_[pair.first] = TextOf(*value);
    }
    return absl::OkStatus();
  }

  absl::Status Watch(const Step& step, const std::vector<std::string>& words) {
    if (words.size() < 3) return absl::InvalidArgumentError("WATCH NAME PATH");
    Request request;
    if (absl::Status status = Make(step, {"GET", words[2]}, request); !status.ok()) return status;
    std::unique_ptr<Stream>& stream = streams_[words[1]];
    stream = http_.Open(request);
    const int status = stream->AwaitStatus(kPatience);
    if (status == 200) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat("line ", step.number, ": ", words[2], ": the watch has status ", status));
  }

  absl::Status Event(const Step& step, const std::vector<std::string>& words) {
    const std::string about = absl::StrCat("line ", step.number, ": ", absl::StrJoin(words, " "));
    const auto stream = streams_.find(words.size() > 1 ? words[1] : "");
    if (stream == streams_.end()) return absl::InvalidArgumentError(about + ": no such watch");
    const absl::StatusOr<std::string> line = stream->second->Next(kPatience);
    if (!line.ok()) {
      return absl::FailedPreconditionError(absl::StrCat(about, ": ", line.status().message()));
    }
    const bool ended = line->empty();
    if (words[0] == "CLOSED" || ended) {
      if (words[0] == "CLOSED" && ended) return absl::OkStatus();
      return absl::FailedPreconditionError(absl::StrCat(
          about, ended ? ": the watch has ended" : ": another event: ", line->substr(0, 700)));
    }
    Answer event;
    event.body = *line;
    event.tree = json::parse(*line, nullptr, false);
    if (!event.tree.is_object() || words.size() < 3 || event.tree.value("type", "") != words[2]) {
      return absl::FailedPreconditionError(
          absl::StrCat(about, ": the event is ", line->substr(0, 700)));
    }
    for (const Line& one : step.lines) {
      if (absl::Status status = Look(one, event, "event: "); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  Http& http_;
  std::map<std::string, std::string> values_;
  std::map<std::string, std::unique_ptr<Stream>> streams_;
};

absl::StatusOr<std::unique_ptr<Runner>> Runner::Make(Endpoint endpoint) {
  std::unique_ptr<Runner> out(new Runner(std::move(endpoint)));
  absl::StatusOr<Answer> version = out->http_.Call({.path = "/version"});
  if (!version.ok()) return version.status();
  std::string minor = TextOf(At(version->tree, ".minor").value_or(json("")));
  while (!minor.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(minor.back()))) {
    minor.pop_back();  // "20+"
  }
  if (version->status != 200 || !absl::SimpleAtoi(minor, &out->minor_)) {
    return absl::UnavailableError(absl::StrCat("/version: ", version->body.substr(0, 300)));
  }
  std::random_device random;
  const std::string run = absl::StrFormat("%05x", random() & 0xfffff);
  out->values_ = {{"RUN", run}, {"G", absl::StrCat("rk", run, ".example.io")}};
  return out;
}

std::string Runner::Version() const { return absl::StrCat("1.", minor_); }

std::string Runner::NotForIt(const Case& one) const {
  for (const auto& [name, value] : one.limits) {
    if (name == "since" && minor_ < MinorOf(value)) return absl::StrCat("since ", value);
    if (name == "before" && minor_ >= MinorOf(value)) return absl::StrCat("before ", value);
    if (name == "needs" && value == "reader" && http_.endpoint().reader_token.empty()) {
      return "there is no reader";
    }
  }
  return "";
}

absl::Status Runner::Run(const Case& one) {
  std::map<std::string, std::string> values = values_;
  values.insert(one.values.begin(), one.values.end());
  const std::string name = absl::StrFormat("x%s%04x", values["RUN"], ++count_);
  values["N"] = name;
  values["NS"] = absl::StrCat("rk-", name);
  bool with_namespace = false;
  for (const Step& step : one.steps) {
    with_namespace = with_namespace || absl::StrContains(step.command, "$NS") ||
                     absl::StrContains(step.command, "$PATH");
  }
  if (with_namespace) {
    Request request{.method = "POST", .path = "/api/v1/namespaces"};
    request.headers["Content-Type"] = "application/json";
    request.body = json{{"metadata", {{"name", values["NS"]}}}}.dump();
    const absl::StatusOr<Answer> made = http_.Call(request);
    if (!made.ok()) return made.status();
    if (made->status != 201) {
      return absl::FailedPreconditionError(
          absl::StrCat("no namespace: ", made->status, " ", made->body.substr(0, 500)));
    }
  }
  absl::Status status;
  {
    Play play(http_, values);
    for (const Step& step : one.steps) {
      status = play.Take(step);
      if (!status.ok()) break;
    }
  }
  if (with_namespace) {
    (void)http_.Call({.method = "DELETE", .path = "/api/v1/namespaces/" + values["NS"]});
  }
  return status;
}

void Runner::CleanUp() {
  (void)http_.Call(
      {.method = "DELETE",
       .path = absl::StrCat("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/toys.",
                            values_["G"])});
}

}  // namespace rekindle::conformance
