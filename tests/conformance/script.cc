#include "tests/conformance/script.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace rekindle::conformance {
namespace {

constexpr absl::string_view kMarks = "|>=?!*+";

bool IsCommand(absl::string_view word) {
  static const std::set<std::string>& words = *new std::set<std::string>{
      "GET",   "POST",      "PUT",   "PATCH", "DELETE", "HEAD",  "OPTIONS", "JSONPATCH",
      "MERGE", "STRATEGIC", "APPLY", "UNTIL", "WATCH",  "EVENT", "CLOSED"};
  return words.contains(std::string(word)) || absl::StartsWith(word, "$");
}

// `each NAME COLUMN...` with its rows.
struct Table {
  bool rows_wanted = false;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  Case shared;
};

class Reader {
 public:
  Reader(absl::string_view file, absl::string_view prefix) : file_(file), prefix_(prefix) {}

  absl::StatusOr<std::vector<Case>> Read(absl::string_view text) {
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      ++number_;
      if (absl::StripAsciiWhitespace(line).empty() || line[0] == '#') continue;
      if (absl::Status status = Take(line); !status.ok()) return status;
    }
    if (absl::Status status = Finish(); !status.ok()) return status;
    return std::move(out_);
  }

 private:
  absl::Status Bad(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(file_, ":", number_, ": ", what));
  }

  absl::Status Take(absl::string_view line) {
    if (absl::StartsWith(line, "case ") || absl::StartsWith(line, "each ")) return Head(line);
    if (!open_) return Bad("a line before the first case");
    if (line[0] == ':') return Row(line.substr(1));
    Case& one = table_.shared;
    if (line.size() > 1 && line[1] == ' ' && kMarks.find(line[0]) != absl::string_view::npos) {
      if (one.steps.empty()) return Bad("a line without a request");
      one.steps.back().lines.push_back({number_, line[0], std::string(line.substr(2))});
      return absl::OkStatus();
    }
    if (!IsCommand(line.substr(0, line.find(' ')))) return Bad("unknown command");
    one.steps.push_back({number_, std::string(line), {}});
    return absl::OkStatus();
  }

  absl::Status Head(absl::string_view line) {
    if (absl::Status status = Finish(); !status.ok()) return status;
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.size() < 2) return Bad("a case needs a name");
    table_.rows_wanted = words[0] == "each";
    table_.shared.name = absl::StrCat(prefix_, ".", words[1]);
    for (size_t i = 2; i < words.size(); ++i) {
      const std::pair<std::string, std::string> pair =
          absl::StrSplit(words[i], absl::MaxSplits('=', 1));
      if (!absl::StrContains(words[i], '=')) {
        table_.columns.push_back(words[i]);
      } else if (pair.first == "since" || pair.first == "before" || pair.first == "needs") {
        table_.shared.limits.insert(pair);
      } else {
        return Bad(absl::StrCat("unknown attribute ", words[i]));
      }
    }
    if (table_.rows_wanted == table_.columns.empty()) return Bad("each needs columns, case none");
    open_ = true;
    return absl::OkStatus();
  }

  absl::Status Row(absl::string_view text) {
    if (!table_.rows_wanted) return Bad("a row without each");
    std::vector<std::string> row;
    // A last column may be empty: its blank stands at the end of the line.
    for (const absl::string_view part : absl::StrSplit(absl::StrCat(text, " "), " | ")) {
      row.emplace_back(absl::StripAsciiWhitespace(part));
    }
    if (row.size() != table_.columns.size()) {
      return Bad(absl::StrFormat("%d columns, not %d", row.size(), table_.columns.size()));
    }
    table_.rows.push_back(std::move(row));
    return absl::OkStatus();
  }

  absl::Status Finish() {
    if (!open_) return absl::OkStatus();
    if (table_.shared.steps.empty()) return Bad(absl::StrCat(table_.shared.name, " does nothing"));
    if (table_.rows_wanted && table_.rows.empty()) return Bad("each without rows");
    if (!table_.rows_wanted) out_.push_back(table_.shared);
    for (size_t i = 0; i < table_.rows.size(); ++i) {
      Case one = table_.shared;
      one.name = absl::StrCat(one.name, ".", i + 1);
      for (size_t k = 0; k < table_.columns.size(); ++k) {
        one.values[table_.columns[k]] = table_.rows[i][k];
      }
      out_.push_back(std::move(one));
    }
    table_ = Table();
    return absl::OkStatus();
  }

  const absl::string_view file_;
  const absl::string_view prefix_;
  int number_ = 0;
  bool open_ = false;
  Table table_;
  std::vector<Case> out_;
};

}  // namespace

absl::StatusOr<std::vector<Case>> ParseCases(absl::string_view file, absl::string_view prefix,
                                             absl::string_view text) {
  return Reader(file, prefix).Read(text);
}

absl::StatusOr<std::vector<Case>> ReadCases(const std::string& directory) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".cases") files.push_back(entry.path());
  }
  if (error) return absl::NotFoundError(absl::StrCat(directory, ": ", error.message()));
  std::sort(files.begin(), files.end());
  std::vector<Case> out;
  for (const auto& path : files) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    absl::StatusOr<std::vector<Case>> cases =
        ParseCases(path.filename().string(), path.stem().string(), text.str());
    if (!cases.ok()) return cases.status();
    for (Case& one : *cases) out.push_back(std::move(one));
  }
  return out;
}

std::string Substitute(absl::string_view text, const std::map<std::string, std::string>& values) {
  std::vector<const std::pair<const std::string, std::string>*> names;
  for (const auto& one : values) names.push_back(&one);
  std::sort(names.begin(), names.end(),
            [](const auto* a, const auto* b) { return a->first.size() > b->first.size(); });
  std::string out;
  // A value may name others in its turn: those of a row name variables.
  const auto fill = [&](const auto& self, absl::string_view from, int level) -> void {
    for (size_t i = 0; i < from.size(); ++i) {
      bool found = false;
      for (const auto* one : names) {
        if (level > 3 || from[i] != '$' || !absl::StartsWith(from.substr(i + 1), one->first)) {
          continue;
        }
        self(self, one->second, level + 1);
        i += one->first.size();
        found = true;
        break;
      }
      if (!found) out += from[i];
    }
  };
  fill(fill, text, 0);
  const size_t query = out.find("%(");
  if (query == std::string::npos || out.back() != ')') return out;
  std::string escaped;
  for (const char c : out.substr(query + 2, out.size() - query - 3)) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("-._~", c)) {
      escaped += c;
    } else {
      absl::StrAppendFormat(&escaped, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return out.substr(0, query) + escaped;
}

}  // namespace rekindle::conformance
