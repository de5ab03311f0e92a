#include "common/json/json_path.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

namespace rekindle::json {
namespace {

constexpr int kMostLevels = 256;
constexpr size_t kMostSteps = 64;

}  // namespace

struct JsonPath::Step {
  enum class Kind { kMembers, kIndexes, kSlice, kAll, kDescend, kFilter };
  enum class Op { kExists, kEqual, kNotEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual };
  Kind kind = Kind::kAll;
  std::vector<std::string> names;  // kMembers
  std::vector<int64_t> indexes;    // kIndexes
  std::optional<int64_t> from;     // kSlice
  std::optional<int64_t> to;
  int64_t by = 1;
  // kFilter: a path from the element, compared with a value.
  JsonPath left;
  Op op = Op::kExists;
  std::shared_ptr<const Json> right;
};

class JsonPathReader {
 public:
  explicit JsonPathReader(absl::string_view text) : text_(text) {}

  absl::StatusOr<JsonPath> Read(char end = '\0') {
    auto steps = std::make_shared<std::vector<Step>>();
    while (!AtEnd(end)) {
      if (steps->size() >= kMostSteps) return Bad("too many steps");
      absl::Status status = text_[at_] == '.'   ? Dot(*steps)
                            : text_[at_] == '[' ? Bracket(*steps)
                                                : Bad("expected . or [");
      if (!status.ok()) return status;
    }
    JsonPath out;
    out.steps_ = std::move(steps);
    return out;
  }

 private:
  using Step = JsonPath::Step;

  bool Done() const { return at_ >= text_.size(); }
  // A path inside a filter ends before a blank, an operator or the parenthesis.
  bool AtEnd(char end) const {
    if (Done()) return true;
    return end != '\0' && absl::string_view(" =!<>)").find(text_[at_]) != absl::string_view::npos;
  }
  absl::Status Bad(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(what, " at byte ", at_, " of the path"));
  }
  bool Take(absl::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  void SkipBlanks() {
    while (!Done() && text_[at_] == ' ') ++at_;
  }

  absl::Status Dot(std::vector<Step>& steps) {
    ++at_;
    if (Take(".")) {
      steps.emplace_back().kind = Step::Kind::kDescend;
      if (!Done() && text_[at_] == '[') return absl::OkStatus();
    }
    if (Take("*")) {
      steps.emplace_back().kind = Step::Kind::kAll;
      return absl::OkStatus();
    }
    // `.[0]` is the same as `[0]`.
    if (!Done() && text_[at_] == '[') return absl::OkStatus();
    std::string name;
    while (!Done()) {
      const char c = text_[at_];
      if (c == '\\' && at_ + 1 < text_.size()) {
        name += text_[at_ + 1];
        at_ += 2;
        continue;
      }
      if (absl::string_view(".[]{}()=!<>, '\"\\").find(c) != absl::string_view::npos) break;
      name += c;
      ++at_;
    }
    if (name.empty()) return Bad("a name is missing");
    Step& step = steps.emplace_back();
    step.kind = Step::Kind::kMembers;
    step.names.push_back(std::move(name));
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Quoted() {
    const char quote = text_[at_++];
    std::string out;
    while (!Done() && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_++];
    }
    if (Done()) return Bad("a quote is not closed");
    ++at_;
    return out;
  }

  bool AtQuote() const { return !Done() && (text_[at_] == '\'' || text_[at_] == '"'); }

  absl::StatusOr<int64_t> Number() {
    const size_t begin = at_;
    if (!Done() && (text_[at_] == '-' || text_[at_] == '+')) ++at_;
    while (!Done() && absl::ascii_isdigit(static_cast<unsigned char>(text_[at_]))) ++at_;
    int64_t out = 0;
    if (!absl::SimpleAtoi(text_.substr(begin, at_ - begin), &out)) return Bad("expected a number");
    return out;
  }

  absl::Status Bracket(std::vector<Step>& steps) {
    ++at_;
    SkipBlanks();
    Step step;
    if (Take("*")) {
      step.kind = Step::Kind::kAll;
    } else if (Take("?(")) {
      if (absl::Status status = Filter(step); !status.ok()) return status;
    } else if (AtQuote()) {
      step.kind = Step::Kind::kMembers;
      do {
        SkipBlanks();
        if (!AtQuote()) return Bad("expected a quoted name");
        absl::StatusOr<std::string> name = Quoted();
        if (!name.ok()) return name.status();
        step.names.push_back(*std::move(name));
        SkipBlanks();
      } while (Take(","));
    } else if (absl::Status status = Numbers(step); !status.ok()) {
      return status;
    }
    SkipBlanks();
    if (!Take("]")) return Bad("expected ]");
    steps.push_back(std::move(step));
    return absl::OkStatus();
  }

  absl::Status Numbers(Step& step) {
    std::vector<std::optional<int64_t>> parts(1);
    bool slice = false;
    while (!Done() && text_[at_] != ']') {
      if (Take(":")) {
        slice = true;
        parts.emplace_back();
      } else if (!slice && Take(",")) {
        parts.emplace_back();
      } else {
        absl::StatusOr<int64_t> number = Number();
        if (!number.ok()) return number.status();
        parts.back() = *number;
        SkipBlanks();
      }
    }
    if (slice) {
      if (parts.size() > 3) return Bad("a slice has at most three numbers");
      step.kind = Step::Kind::kSlice;
      step.from = parts[0];
      step.to = parts[1];
      if (parts.size() > 2) step.by = parts[2].value_or(1);
      return step.by > 0 ? absl::OkStatus() : Bad("the step of a slice must be positive");
    }
    step.kind = Step::Kind::kIndexes;
    for (const auto& part : parts) {
      if (!part.has_value()) return Bad("expected a number");
      step.indexes.push_back(*part);
    }
    return absl::OkStatus();
  }

  absl::Status Filter(Step& step) {
    if (++filters_ > 8) return Bad("too many filters");
    step.kind = Step::Kind::kFilter;
    SkipBlanks();
    if (!Take("@")) return Bad("expected @");
    absl::StatusOr<JsonPath> left = Read(')');
    if (!left.ok()) return left.status();
    step.left = *std::move(left);
    SkipBlanks();
    const std::pair<absl::string_view, Step::Op> ops[] = {
        {"==", Step::Op::kEqual},       {"!=", Step::Op::kNotEqual},
        {"<=", Step::Op::kLessOrEqual}, {">=", Step::Op::kGreaterOrEqual},
        {"<", Step::Op::kLess},         {">", Step::Op::kGreater}};
    for (const auto& [word, op] : ops) {
      if (!Take(word)) continue;
      step.op = op;
      SkipBlanks();
      if (AtQuote()) {
        absl::StatusOr<std::string> text = Quoted();
        if (!text.ok()) return text.status();
        step.right = std::make_shared<const Json>(*std::move(text));
      } else {
        const size_t begin = at_;
        while (!Done() && text_[at_] != ')' && text_[at_] != ' ') ++at_;
        Json value = Json::parse(text_.substr(begin, at_ - begin), nullptr, false);
        if (value.is_discarded() || value.is_structured()) return Bad("expected a value");
        step.right = std::make_shared<const Json>(std::move(value));
      }
      break;
    }
    SkipBlanks();
    return Take(")") ? absl::OkStatus() : Bad("expected )");
  }

  absl::string_view text_;
  size_t at_ = 0;
  int filters_ = 0;
};

absl::StatusOr<JsonPath> JsonPath::Parse(absl::string_view text) {
  return JsonPathReader(text).Read();
}

namespace {

using Step = JsonPath::Step;
using Values = std::vector<const Json*>;

void Descend(const Json& value, Values& out, size_t most, int level) {
  if (out.size() >= most || level > kMostLevels) return;
  out.push_back(&value);
  if (!value.is_structured()) return;
  for (const Json& below : value) Descend(below, out, most, level + 1);
}

bool Holds(const Step& step, const Json& element) {
  const Values found = step.left.Find(element, 1);
  if (found.empty()) return false;
  if (step.op == Step::Op::kExists) return true;
  const Json& left = *found[0];
  const Json& right = *step.right;
  switch (step.op) {
    case Step::Op::kEqual:
      return left == right;
    case Step::Op::kNotEqual:
      return left != right;
    default:
      break;
  }
  // Only numbers and texts have an order.
  if (!(left.is_number() && right.is_number()) && !(left.is_string() && right.is_string())) {
    return false;
  }
  switch (step.op) {
    case Step::Op::kLess:
      return left < right;
    case Step::Op::kLessOrEqual:
      return left <= right;
    case Step::Op::kGreater:
      return left > right;
    default:
      return left >= right;
  }
}

void Slice(const Step& step, const Json& list, Values& out) {
  const auto size = static_cast<int64_t>(list.size());
  const auto place = [size](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? std::max<int64_t>(at + size, 0) : at, 0, size);
  };
  const int64_t to = place(step.to.value_or(size));
  for (int64_t i = place(step.from.value_or(0)); i < to;) {
    out.push_back(&list[static_cast<size_t>(i)]);
    if (step.by >= size) break;
    i += step.by;
  }
}

void Walk(const Step& step, const Json& value, Values& out, size_t most) {
  switch (step.kind) {
    case Step::Kind::kMembers:
      if (!value.is_object()) return;
      for (const std::string& name : step.names) {
        if (const auto it = value.find(name); it != value.end()) out.push_back(&*it);
      }
      return;
    case Step::Kind::kIndexes:
      if (!value.is_array()) return;
      for (const int64_t index : step.indexes) {
        const int64_t at = index < 0 ? index + static_cast<int64_t>(value.size()) : index;
        if (at >= 0 && at < static_cast<int64_t>(value.size())) {
          out.push_back(&value[static_cast<size_t>(at)]);
        }
      }
      return;
    case Step::Kind::kSlice:
      if (value.is_array()) Slice(step, value, out);
      return;
    case Step::Kind::kAll:
      if (!value.is_structured()) return;
      for (const Json& below : value) {
        if (out.size() >= most) return;
        out.push_back(&below);
      }
      return;
    case Step::Kind::kDescend:
      Descend(value, out, most, 0);
      return;
    case Step::Kind::kFilter:
      if (!value.is_structured()) return;
      for (const Json& below : value) {
        if (out.size() >= most) return;
        if (Holds(step, below)) out.push_back(&below);
      }
      return;
  }
}

}  // namespace

std::vector<const Json*> JsonPath::Find(const Json& root, size_t most) const {
  Values here = {&root};
  if (steps_ == nullptr) return here;
  // Steps in between may see more than is asked for in the end.
  const size_t bound = std::max<size_t>(most, 1000);
  for (const Step& step : *steps_) {
    Values next;
    for (const Json* value : here) {
      if (next.size() >= bound) break;
      Walk(step, *value, next, bound);
    }
    here = std::move(next);
  }
  if (here.size() > most) here.resize(most);
  return here;
}

std::optional<std::vector<std::string>> JsonPath::Members() const {
  std::vector<std::string> out;
  if (steps_ == nullptr) return out;
  for (const Step& step : *steps_) {
    if (step.kind != Step::Kind::kMembers || step.names.size() != 1) return std::nullopt;
    out.push_back(step.names[0]);
  }
  return out;
}

}  // namespace rekindle::json
