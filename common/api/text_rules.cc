#include "common/api/text_rules.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace rekindle::api {
namespace {

using Sentences = std::vector<std::string>;

constexpr size_t kMostLabel = 63;
constexpr size_t kMostSubdomain = 253;
constexpr size_t kMostPortName = 15;

bool Lower(char c) { return absl::ascii_islower(static_cast<unsigned char>(c)); }
bool Digit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }
bool Alpha(char c) { return absl::ascii_isalpha(static_cast<unsigned char>(c)); }

std::string AtMost(size_t characters) {
  return absl::StrCat("must be no more than ", characters, " characters");
}

// "RULE (e.g. 'a',  or 'b', regex used for validation is 'R')"
std::string Rule(absl::string_view rule, const std::vector<std::string>& examples,
                 absl::string_view regex) {
  return absl::StrCat(rule, " (e.g. '", absl::StrJoin(examples, "',  or '"),
                      "', regex used for validation is '", regex, "')");
}

constexpr absl::string_view kLabelRegex = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
constexpr absl::string_view kNameRegex = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
constexpr absl::string_view kNameRule =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character";

// A part of a DNS name by its characters alone.
bool DnsPart(absl::string_view part) {
  const auto alnum = [](char c) { return Lower(c) || Digit(c); };
  return !part.empty() && alnum(part.front()) && alnum(part.back()) &&
         std::all_of(part.begin(), part.end(), [&](char c) { return alnum(c) || c == '-'; });
}

Sentences Subdomain(absl::string_view text) {
  Sentences out;
  if (text.size() > kMostSubdomain) out.push_back(AtMost(kMostSubdomain));
  bool good = true;
  for (const absl::string_view part : absl::StrSplit(text, '.')) {
    good = good && DnsPart(part);
  }
  if (!good) {
    out.push_back(Rule(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
        "'.', and must start and end with an alphanumeric character",
        {"example.com"}, absl::StrCat(kLabelRegex, "(\\.", kLabelRegex, ")*")));
  }
  return out;
}

Sentences Label(absl::string_view text) {
  Sentences out;
  if (text.size() > kMostLabel) out.push_back(AtMost(kMostLabel));
  if (!DnsPart(text)) {
    out.push_back(
        Rule("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or "
             "'-', and must start and end with an alphanumeric character",
             {"my-name", "123-abc"}, kLabelRegex));
  }
  return out;
}

Sentences Label1035(absl::string_view text) {
  Sentences out;
  if (text.size() > kMostLabel) out.push_back(AtMost(kMostLabel));
  const bool good = !text.empty() && Lower(text.front()) && text.back() != '-' &&
                    std::all_of(text.begin(), text.end(),
                                [](char c) { return Lower(c) || Digit(c) || c == '-'; });
  if (!good) {
    out.push_back(
        Rule("a DNS-1035 label must consist of lower case alphanumeric characters or '-', start "
             "with an alphabetic character, and end with an alphanumeric character",
             {"my-name", "abc-123"}, "[a-z]([-a-z0-9]*[a-z0-9])?"));
  }
  return out;
}

bool NameCharacters(absl::string_view text) {
  const auto alnum = [](char c) { return Alpha(c) || Digit(c); };
  return !text.empty() && alnum(text.front()) && alnum(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return alnum(c) || c == '-' || c == '_' || c == '.'; });
}

Sentences QualifiedName(absl::string_view text) {
  Sentences out;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '/');
  if (parts.size() > 2) {
    out.push_back(
        absl::StrCat(Rule(absl::StrCat("a qualified name ", kNameRule),
                          {"MyName", "my.name", "123-abc"}, kNameRegex),
                     " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"));
    return out;
  }
  if (parts.size() == 2) {
    if (parts[0].empty()) {
      out.push_back("prefix part must be non-empty");
    } else {
      for (const std::string& sentence : Subdomain(parts[0])) {
        out.push_back(absl::StrCat("prefix part ", sentence));
      }
    }
  }
  const absl::string_view name = parts.back();
  if (name.empty()) {
    out.push_back("name part must be non-empty");
  } else if (name.size() > kMostLabel) {
    out.push_back(absl::StrCat("name part ", AtMost(kMostLabel)));
  }
  if (!NameCharacters(name)) {
    out.push_back(
        absl::StrCat("name part ", Rule(kNameRule, {"MyName", "my.name", "123-abc"}, kNameRegex)));
  }
  return out;
}

Sentences LabelValue(absl::string_view text) {
  Sentences out;
  if (text.size() > kMostLabel) out.push_back(AtMost(kMostLabel));
  if (!text.empty() && !NameCharacters(text)) {
    out.push_back(Rule(absl::StrCat("a valid label must be an empty string or consist of "
                                    "alphanumeric characters, '-', '_' or '.', and must start and "
                                    "end with an alphanumeric character"),
                       {"MyValue", "my_value", "12345"}, absl::StrCat("(", kNameRegex, ")?")));
  }
  return out;
}

// The older, stricter rule; what it refuses is refused by no program that we know of.
Sentences EnvName(absl::string_view text) {
  const auto good = [](char c) { return Alpha(c) || c == '-' || c == '.' || c == '_'; };
  Sentences out;
  if (text.empty() || !good(text[0]) ||
      !std::all_of(text.begin(), text.end(), [&](char c) { return good(c) || Digit(c); })) {
    out.push_back(
        Rule("a valid environment variable name must consist of alphabetic characters, digits, "
             "'_', '-', or '.', and must not start with a digit",
             {"my.env-name", "MY_ENV.NAME", "MyEnvName1"}, "[-._a-zA-Z][-._a-zA-Z0-9]*"));
  }
  if (text == ".") out.push_back("must not be '.'");
  if (text == "..") {
    out.push_back("must not be '..'");
  } else if (absl::StartsWith(text, "..")) {
    out.push_back("must not start with '..'");
  }
  return out;
}

Sentences PortName(absl::string_view text) {
  Sentences out;
  if (text.size() > kMostPortName) out.push_back(AtMost(kMostPortName));
  if (!std::all_of(text.begin(), text.end(),
                   [](char c) { return Lower(c) || Digit(c) || c == '-'; })) {
    out.push_back("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (std::none_of(text.begin(), text.end(), Lower)) {
    out.push_back("must contain at least one letter (a-z)");
  }
  if (absl::StrContains(text, "--")) out.push_back("must not contain consecutive hyphens");
  if (absl::StartsWith(text, "-") || absl::EndsWith(text, "-")) {
    out.push_back("must not begin or end with a hyphen");
  }
  return out;
}

}  // namespace

std::vector<std::string> CheckText(TextRule rule, absl::string_view text) {
  switch (rule) {
    case TextRule::kNone:
      break;
    case TextRule::kLabel:
      return Label(text);
    case TextRule::kSubdomain:
      return Subdomain(text);
    case TextRule::kLabel1035:
      return Label1035(text);
    case TextRule::kQualifiedName:
      return QualifiedName(text);
    case TextRule::kLabelValue:
      return LabelValue(text);
    case TextRule::kEnvName:
      return EnvName(text);
    case TextRule::kPortName:
      return PortName(text);
  }
  return {};
}

}  // namespace rekindle::api
