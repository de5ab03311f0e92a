#include "common/api/selector.h"

#include <algorithm>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <nlohmann/json.hpp>

#include "common/api/names.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

using Op = Selector::Op;
using Requirement = Selector::Requirement;

absl::Status CheckRequirement(const Requirement& r, absl::string_view field) {
  if (!IsQualifiedName(r.key)) {
    return absl::InvalidArgumentError(absl::StrCat(field, ": key \"", r.key, "\" is not valid"));
  }
  const bool wants_values = r.op != Op::kExists && r.op != Op::kDoesNotExist;
  if (wants_values == r.values.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": ", r.key, wants_values ? " needs values" : " must not have values"));
  }
  if (r.op == Op::kGreater || r.op == Op::kLess) return absl::OkStatus();
  for (const std::string& value : r.values) {
    if (IsLabelValue(value)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": ", r.key, ": value \"", value, "\" is not valid"));
  }
  return absl::OkStatus();
}

void Sort(std::vector<std::string>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

// Reads the selector text from left to right.
class Scanner {
 public:
  explicit Scanner(absl::string_view text) : rest_(text) {}

  bool Done() {
    rest_ = absl::StripLeadingAsciiWhitespace(rest_);
    return rest_.empty();
  }
  bool Take(absl::string_view token) {
    rest_ = absl::StripLeadingAsciiWhitespace(rest_);
    if (rest_.substr(0, token.size()) != token) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  // A key or a value: everything up to a blank or a special character. May be empty.
  std::string Word() {
    rest_ = absl::StripLeadingAsciiWhitespace(rest_);
    size_t n = 0;
    while (n < rest_.size() &&
           absl::string_view("=!(),<> \t").find(rest_[n]) == absl::string_view::npos) {
      ++n;
    }
    std::string out(rest_.substr(0, n));
    rest_.remove_prefix(n);
    return out;
  }
  absl::string_view rest() const { return rest_; }

 private:
  absl::string_view rest_;
};

absl::Status Between(absl::string_view found, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat("found '", found, "', expected: ", expected));
}

absl::Status Syntax(absl::string_view found, absl::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("unable to parse requirement: found '", found, "', expected: ", expected));
}

absl::StatusOr<Requirement> ParseOne(Scanner& in, bool first) {
  Requirement r;
  const bool absent = in.Take("!");
  r.key = in.Word();
  if (r.key.empty()) {
    return Between(in.rest().substr(0, 1),
                   first ? "!, identifier, or 'end of string'" : "identifier after ','");
  }
  if (absent) {
    r.op = Op::kDoesNotExist;
    return r;
  }
  if (in.Done() || in.rest()[0] == ',') {
    r.op = Op::kExists;
    return r;
  }
  if (in.Take("!=")) {
    r.op = Op::kNotIn;
    r.values = {in.Word()};
    return r;
  }
  if (in.Take("==") || in.Take("=")) {
    r.values = {in.Word()};
    return r;
  }
  if (in.rest()[0] == '>' || in.rest()[0] == '<') {
    r.op = in.Take(">") ? Op::kGreater : Op::kLess;
    if (r.op == Op::kLess) in.Take("<");
    r.values = {in.Word()};
    int64_t number = 0;
    if (!absl::SimpleAtoi(r.values[0], &number)) {
      return absl::InvalidArgumentError(
          "unable to parse requirement: for 'Gt', 'Lt' operators, the value must be an integer");
    }
    return r;
  }
  const std::string word = in.Word();
  if (word != "in" && word != "notin") {
    return Syntax(word, "'=', '!=', '==', 'in', notin'");
  }
  r.op = word == "in" ? Op::kIn : Op::kNotIn;
  if (!in.Take("(")) return Syntax(in.rest().substr(0, 1), "'('");
  do {
    r.values.push_back(in.Word());
  } while (in.Take(","));
  if (!in.Take(")")) return Syntax(in.rest().substr(0, 1), "',' or ')'");
  Sort(r.values);
  return r;
}

bool Holds(const Requirement& r, const StringMap& labels) {
  const std::string* value = labels.Find(r.key);
  switch (r.op) {
    case Op::kExists:
      return value != nullptr;
    case Op::kDoesNotExist:
      return value == nullptr;
    case Op::kIn:
      return value != nullptr && std::binary_search(r.values.begin(), r.values.end(), *value);
    case Op::kNotIn:
      return value == nullptr || !std::binary_search(r.values.begin(), r.values.end(), *value);
    case Op::kGreater:
    case Op::kLess:
      break;
  }
  int64_t have = 0;
  int64_t want = 0;
  if (value == nullptr || !absl::SimpleAtoi(*value, &have) ||
      !absl::SimpleAtoi(r.values[0], &want)) {
    return false;
  }
  return r.op == Op::kGreater ? have > want : have < want;
}

std::optional<Op> ParseOp(absl::string_view text) {
  if (text == "In") return Op::kIn;
  if (text == "NotIn") return Op::kNotIn;
  if (text == "Exists") return Op::kExists;
  if (text == "DoesNotExist") return Op::kDoesNotExist;
  return std::nullopt;
}

}  // namespace

Selector Selector::Nothing() {
  Selector out;
  out.nothing_ = true;
  return out;
}

absl::StatusOr<Selector> Selector::FromJson(const Json& value, absl::string_view field) {
  if (value.is_null()) return Nothing();
  if (!value.is_object()) return absl::InvalidArgumentError(absl::StrCat(field, ": not an object"));
  Selector out;
  if (const Json* labels = json::Find(value, "matchLabels")) {
    if (!labels->is_object()) {
      return absl::InvalidArgumentError(absl::StrCat(field, ".matchLabels: not an object"));
    }
    for (const auto& [key, text] : labels->items()) {
      if (!text.is_string()) {
        return absl::InvalidArgumentError(
            absl::StrCat(field, ".matchLabels: ", key, " is no text"));
      }
      out.requirements_.push_back({key, Op::kIn, {text.get<std::string>()}});
      out.match_labels_.Set(key, text.get_ref<const std::string&>());
    }
  }
  if (const Json* list = json::Find(value, "matchExpressions"); list && list->is_array()) {
    for (const Json& item : *list) {
      const absl::string_view op_text = json::String(item, "operator");
      const std::optional<Op> op = ParseOp(op_text);
      if (!op.has_value()) {
        return absl::InvalidArgumentError(
            absl::StrCat(field, ".matchExpressions: operator \"", op_text, "\" is unknown"));
      }
      Requirement r{std::string(json::String(item, "key")), *op, {}};
      if (const Json* values = json::Find(item, "values"); values && values->is_array()) {
        for (const Json& v : *values) {
          if (v.is_string()) r.values.push_back(v.get<std::string>());
        }
      }
      Sort(r.values);
      out.requirements_.push_back(std::move(r));
    }
  }
  for (const Requirement& r : out.requirements_) {
    if (absl::Status status = CheckRequirement(r, field); !status.ok()) return status;
  }
  return out;
}

absl::StatusOr<Selector> Selector::Parse(absl::string_view text) {
  Selector out;
  Scanner in(text);
  if (in.Done()) return out;
  do {
    absl::StatusOr<Requirement> r = ParseOne(in, out.requirements_.empty());
    if (!r.ok()) return r.status();
    if (absl::Status status = CheckRequirement(*r, "selector"); !status.ok()) return status;
    out.requirements_.push_back(*std::move(r));
  } while (in.Take(","));
  if (!in.Done()) return Between(in.rest().substr(0, 1), "',' or 'end of string'");
  return out;
}

bool Selector::Matches(const StringMap& labels) const {
  return !nothing_ && std::all_of(requirements_.begin(), requirements_.end(),
                                  [&](const Requirement& r) { return Holds(r, labels); });
}

std::string Selector::Text() const {
  std::vector<const Requirement*> sorted;
  for (const Requirement& r : requirements_) sorted.push_back(&r);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Requirement* a, const Requirement* b) { return a->key < b->key; });
  std::vector<std::string> parts;
  for (const Requirement* r : sorted) {
    const std::string list = absl::StrJoin(r->values, ",");
    switch (r->op) {
      case Op::kExists:
        parts.push_back(r->key);
        break;
      case Op::kDoesNotExist:
        parts.push_back("!" + r->key);
        break;
      case Op::kIn:
        parts.push_back(r->values.size() == 1 && match_labels_.Has(r->key)
                            ? absl::StrCat(r->key, "=", list)
                            : absl::StrCat(r->key, " in (", list, ")"));
        break;
      case Op::kNotIn:
        parts.push_back(absl::StrCat(r->key, " notin (", list, ")"));
        break;
      case Op::kGreater:
        parts.push_back(absl::StrCat(r->key, ">", list));
        break;
      case Op::kLess:
        parts.push_back(absl::StrCat(r->key, "<", list));
        break;
    }
  }
  return absl::StrJoin(parts, ",");
}

}  // namespace rekindle::api
