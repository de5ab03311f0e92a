#include "tests/conformance/checks.h"

#include <algorithm>
#include <regex>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace rekindle::conformance {
namespace {

using nlohmann::json;

std::string Shown(absl::string_view text) {
  return absl::StrCat(text.substr(0, 700), text.size() > 700 ? "..." : "");
}

// Where the path of a check ends: at the first blank outside quotes.
size_t PathEnd(absl::string_view check) {
  bool quoted = false;
  for (size_t i = 0; i < check.size(); ++i) {
    if (check[i] == '"') quoted = !quoted;
    if (check[i] == ' ' && !quoted) return i;
  }
  return check.size();
}

// The first step of a path; takes it off. False when it cannot be read.
bool TakeStep(absl::string_view& path, std::string& name, std::optional<int64_t>& index) {
  index.reset();
  if (absl::ConsumePrefix(&path, "[\"")) {
    const size_t end = path.find("\"]");
    if (end == absl::string_view::npos) return false;
    name = std::string(path.substr(0, end));
    path.remove_prefix(end + 2);
    return true;
  }
  if (absl::ConsumePrefix(&path, "[")) {
    const size_t end = path.find(']');
    int64_t number = 0;
    if (end == absl::string_view::npos || !absl::SimpleAtoi(path.substr(0, end), &number)) {
      return false;
    }
    index = number;
    path.remove_prefix(end + 1);
    return true;
  }
  if (!absl::ConsumePrefix(&path, ".")) return false;
  const size_t end = std::min(path.find_first_of(".["), path.size());
  name = std::string(path.substr(0, end));
  path.remove_prefix(end);
  return !name.empty();
}

std::string CheckText(absl::string_view op, absl::string_view wanted, absl::string_view have) {
  bool holds = false;
  if (op == "~") holds = absl::StrContains(have, wanted);
  if (op == "==") {
    const json text = json::parse(wanted, nullptr, false);
    holds = text.is_string() && text.get<std::string>() == have;
  }
  if (op == "absent") holds = have.empty();
  return holds ? "" : absl::StrCat("it is ", Shown(have));
}

}  // namespace

std::optional<json> At(const json& tree, absl::string_view path) {
  const json* at = &tree;
  while (!path.empty()) {
    if (absl::ConsumePrefix(&path, "[*]")) {
      if (!at->is_array()) return std::nullopt;
      json out = json::array();
      for (const json& one : *at) out.push_back(At(one, path).value_or(json()));
      return out;
    }
    std::string name;
    std::optional<int64_t> index;
    if (!TakeStep(path, name, index)) return std::nullopt;
    if (index.has_value()) {
      const int64_t size = at->is_array() ? static_cast<int64_t>(at->size()) : 0;
      const int64_t place = *index < 0 ? *index + size : *index;
      if (place < 0 || place >= size) return std::nullopt;
      at = &(*at)[static_cast<size_t>(place)];
    } else {
      if (!at->is_object()) return std::nullopt;
      const auto it = at->find(name);
      if (it == at->end()) return std::nullopt;
      at = &*it;
    }
  }
  return *at;
}

std::string Check(absl::string_view check, const Answer& answer) {
  absl::string_view rest = check;
  const size_t end = PathEnd(rest);
  const absl::string_view subject = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  std::string header;
  if (subject == "header") {
    const size_t blank = std::min(rest.find(' '), rest.size());
    header = absl::AsciiStrToLower(rest.substr(0, blank));
    rest.remove_prefix(std::min(blank + 1, rest.size()));
  }
  const size_t blank = std::min(rest.find(' '), rest.size());
  const absl::string_view op = rest.substr(0, blank);
  const absl::string_view wanted = rest.substr(std::min(blank + 1, rest.size()));
  if (subject == "body") return CheckText(op, wanted, answer.body);
  if (subject == "header") {
    const auto it = answer.headers.find(header);
    return CheckText(op, wanted, it == answer.headers.end() ? "" : it->second);
  }
  const std::optional<json> have = At(answer.tree, subject);
  const bool there = have.has_value() && !have->is_null();
  bool holds = false;
  if (op == "exists") {
    holds = there;
  } else if (op == "absent") {
    holds = !there;
  } else if (op == "~") {
    holds = there && have->is_string() &&
            absl::StrContains(have->get_ref<const std::string&>(), wanted);
  } else if (op == "matches") {
    holds = there && have->is_string() &&
            std::regex_match(have->get<std::string>(), std::regex(std::string(wanted)));
  } else if (op == "size") {
    size_t size = 0;
    holds = there && absl::SimpleAtoi(wanted, &size) && have->size() == size;
  } else {
    const json value = json::parse(wanted, nullptr, false);
    if (value.is_discarded()) return "the check has no JSON";
    if (op == "==") {
      holds = have.has_value() && *have == value;
    } else if (op == "!=") {
      holds = !have.has_value() || *have != value;
    } else if (op == "~has") {
      holds =
          there && have->is_array() && std::find(have->begin(), have->end(), value) != have->end();
    } else {
      return "the check cannot be read";
    }
  }
  if (holds) return "";
  return absl::StrCat("it is ", have.has_value() ? Shown(have->dump()) : "not there");
}

}  // namespace rekindle::conformance
