#include "common/api/field_selector.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"

namespace rekindle::api {
namespace {

// What objects can be selected by beside name and namespace; "GROUP/KIND".
const std::vector<std::string>* ExtraFields(absl::string_view group, absl::string_view kind) {
  static const std::map<std::string, std::vector<std::string>> extra = {
      {"/Pod",
       {"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
        "spec.hostNetwork", "status.phase", "status.podIP", "status.podIPs",
        "status.nominatedNodeName"}},
      {"/Event",
       {"involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
        "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
        "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type"}},
      {"/Node", {"spec.unschedulable"}},
      {"/Namespace", {"status.phase"}},
      {"/Secret", {"type"}},
  };
  const auto it = extra.find(absl::StrCat(group, "/", kind));
  return it == extra.end() ? nullptr : &it->second;
}

std::string Escaped(absl::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == ',' || c == '=') out += '\\';
    out += c;
  }
  return out;
}

absl::StatusOr<std::string> Unescaped(absl::string_view value) {
  std::string out;
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\') {
      if (i + 1 == value.size() ||
          absl::string_view("\\,=").find(value[i + 1]) == absl::string_view::npos) {
        return absl::InvalidArgumentError(
            absl::StrCat("invalid field selector: invalid escape sequence: ", value.substr(i, 2)));
      }
      out += value[++i];
    } else if (value[i] == ',' || value[i] == '=') {
      return absl::InvalidArgumentError(absl::StrCat(
          "invalid field selector: unescaped character in value: ", static_cast<int>(value[i])));
    } else {
      out += value[i];
    }
  }
  return out;
}

// The terms of the text: split at commas that are not escaped; empty terms do not count.
std::vector<absl::string_view> Split(absl::string_view text) {
  std::vector<absl::string_view> out;
  size_t start = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '\\') {
      ++i;
      continue;
    }
    if (i < text.size() && text[i] != ',') continue;
    if (i > start) out.push_back(text.substr(start, i - start));
    start = i + 1;
  }
  // A lone backslash at the end jumped over it.
  if (start < text.size()) out.push_back(text.substr(start));
  return out;
}

// Texts that an object has under `path`; one empty text when there is nothing.
std::vector<std::string> Values(const Json& object, absl::string_view path) {
  const Json* at = &object;
  for (const absl::string_view part : absl::StrSplit(path, '.')) {
    at = json::Find(*at, part);
    if (at == nullptr)
      return {path == "spec.unschedulable" || path == "spec.hostNetwork" ? "false" : std::string()};
  }
  if (path == "source") at = json::Find(*at, "component");
  if (at == nullptr) return {std::string()};
  if (at->is_string()) return {at->get<std::string>()};
  if (at->is_array()) {
    std::vector<std::string> out;
    for (const Json& one : *at) out.emplace_back(json::String(one, "ip"));
    return out.empty() ? std::vector<std::string>{""} : out;
  }
  return {at->dump()};
}

}  // namespace

absl::StatusOr<FieldSelector> FieldSelector::Parse(absl::string_view text) {
  FieldSelector out;
  for (const absl::string_view term : Split(text)) {
    const size_t at = term.find_first_of("=!");
    Term parsed;
    absl::string_view rest;
    if (at != absl::string_view::npos) rest = term.substr(at);
    if (rest.substr(0, 2) == "==") {
      rest.remove_prefix(2);
    } else if (rest.substr(0, 2) == "!=") {
      parsed.equal = false;
      rest.remove_prefix(2);
    } else if (rest.substr(0, 1) == "=") {
      rest.remove_prefix(1);
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("invalid selector: '", text, "'; can't understand '", term, "'"));
    }
    parsed.path = std::string(term.substr(0, at));
    absl::StatusOr<std::string> value = Unescaped(rest);
    if (!value.ok()) return value.status();
    parsed.value = *std::move(value);
    out.terms_.push_back(std::move(parsed));
  }
  return out;
}

absl::Status FieldSelector::CheckFields(absl::string_view group, absl::string_view kind,
                                        const std::vector<std::string>& custom) const {
  const std::vector<std::string>* extra = ExtraFields(group, kind);
  // A custom resource: groups of the platform have no dot or end in .k8s.io.
  const bool own = absl::StrContains(group, '.') && !absl::EndsWith(group, ".k8s.io");
  for (const Term& term : terms_) {
    if (term.path == "metadata.name" || term.path == "metadata.namespace") continue;
    if (extra != nullptr && std::find(extra->begin(), extra->end(), term.path) != extra->end()) {
      continue;
    }
    if (std::find(custom.begin(), custom.end(), term.path) != custom.end()) continue;
    if (extra != nullptr || own) {
      return absl::InvalidArgumentError(absl::StrCat("field label not supported: ", term.path));
    }
    return absl::InvalidArgumentError(
        absl::StrCat("\"", term.path,
                     "\" is not a known field selector: only \"metadata.name\", "
                     "\"metadata.namespace\""));
  }
  return absl::OkStatus();
}

bool FieldSelector::Matches(const Json& object) const {
  return std::all_of(terms_.begin(), terms_.end(), [&](const Term& term) {
    const std::vector<std::string> values = Values(object, term.path);
    const bool found = std::find(values.begin(), values.end(), term.value) != values.end();
    return found == term.equal;
  });
}

const std::string* FieldSelector::Demanded(absl::string_view path) const {
  for (const Term& term : terms_) {
    if (term.path == path && term.equal) return &term.value;
  }
  return nullptr;
}

std::string FieldSelector::Text() const {
  std::vector<std::string> parts;
  for (const Term& term : terms_) {
    parts.push_back(absl::StrCat(term.path, term.equal ? "=" : "!=", Escaped(term.value)));
  }
  return absl::StrJoin(parts, ",");
}

}  // namespace rekindle::api
