#include "common/json/diff.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/json/pointer.h"

namespace rekindle::json {
namespace {

bool AllScalars(const Json& array) {
  return std::none_of(array.begin(), array.end(),
                      [](const Json& value) { return value.is_structured(); });
}

class Differ {
 public:
  std::vector<DiffOp> ops;

  void Compare(const std::string& path, const Json& before, const Json& after) {
    if (before == after) return;
    if (before.is_null() && !after.is_null()) {
      ops.push_back({DiffKind::kAdd, path, nullptr, &after});
    } else if (before.is_object() && after.is_object()) {
      CompareObjects(path, before, after);
    } else if (before.is_array() && after.is_array()) {
      if (AllScalars(before) && AllScalars(after)) {
        AlignScalars(path, before, after);
      } else {
        CompareByIndex(path, before, after);
      }
    } else {
      ops.push_back({DiffKind::kReplace, path, &before, &after});
    }
  }

 private:
  void CompareObjects(const std::string& path, const Json& before, const Json& after) {
    for (const auto& [key, value] : before.items()) {
      const std::string child = absl::StrCat(path, "/", EscapeSegment(key));
      const auto it = after.find(key);
      if (it == after.end()) {
        ops.push_back({DiffKind::kRemove, child, &value, nullptr});
      } else {
        Compare(child, value, *it);
      }
    }
    for (const auto& [key, value] : after.items()) {
      if (before.contains(key)) continue;
      ops.push_back({DiffKind::kAdd, absl::StrCat(path, "/", EscapeSegment(key)), nullptr, &value});
    }
  }

  void CompareByIndex(const std::string& path, const Json& before, const Json& after) {
    const size_t common = std::min(before.size(), after.size());
    for (size_t i = 0; i < common; ++i) Compare(absl::StrCat(path, "/", i), before[i], after[i]);
    // From the back, so that the operations can be applied in order.
    for (size_t i = before.size(); i > common; --i) {
      ops.push_back({DiffKind::kRemove, absl::StrCat(path, "/", i - 1), &before[i - 1], nullptr});
    }
    for (size_t i = common; i < after.size(); ++i) {
      ops.push_back({DiffKind::kAdd, absl::StrCat(path, "/", i), nullptr, &after[i]});
    }
  }

  // Longest common subsequence; unmatched pairs at the same place become a replace.
  void AlignScalars(const std::string& path, const Json& before, const Json& after) {
    const size_t n = before.size();
    const size_t m = after.size();
    std::vector<std::vector<size_t>> cost(n + 1, std::vector<size_t>(m + 1, 0));
    for (size_t i = 0; i <= n; ++i) cost[i][m] = n - i;
    for (size_t j = 0; j <= m; ++j) cost[n][j] = m - j;
    for (size_t i = n; i-- > 0;) {
      for (size_t j = m; j-- > 0;) {
        const size_t change = cost[i + 1][j + 1] + (before[i] == after[j] ? 0 : 1);
        cost[i][j] = std::min({change, cost[i + 1][j] + 1, cost[i][j + 1] + 1});
      }
    }
    size_t i = 0;
    size_t j = 0;
    size_t position = 0;  // index in the array as patched so far
    while (i < n || j < m) {
      if (i < n && j < m && cost[i][j] == cost[i + 1][j + 1] + (before[i] == after[j] ? 0 : 1)) {
        if (before[i] != after[j]) {
          ops.push_back(
              {DiffKind::kReplace, absl::StrCat(path, "/", position), &before[i], &after[j]});
        }
        ++i;
        ++j;
        ++position;
      } else if (i < n && cost[i][j] == cost[i + 1][j] + 1) {
        ops.push_back({DiffKind::kRemove, absl::StrCat(path, "/", position), &before[i], nullptr});
        ++i;
      } else {
        ops.push_back({DiffKind::kAdd, absl::StrCat(path, "/", position), nullptr, &after[j]});
        ++j;
        ++position;
      }
    }
  }
};

// The container that holds the last segment of `path`, and that segment.
absl::StatusOr<std::pair<Json*, std::string>> Parent(Json& root, absl::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat("path \"", path, "\" names the whole document"));
  }
  absl::StatusOr<const Json*> parent = AtPointer(root, path.substr(0, slash));
  if (!parent.ok()) return parent.status();
  return std::make_pair(const_cast<Json*>(*parent), UnescapeSegment(path.substr(slash + 1)));
}

absl::Status Missing(absl::string_view op, absl::string_view path) {
  return absl::FailedPreconditionError(
      absl::StrCat("JSON patch ", op, " ", path, ": no such path"));
}

absl::Status AddAt(Json& root, absl::string_view path, const Json& value) {
  if (path.empty()) {
    root = value;
    return absl::OkStatus();
  }
  auto parent = Parent(root, path);
  if (!parent.ok()) return Missing("add", path);
  auto& [at, key] = *parent;
  if (at->is_object()) {
    (*at)[key] = value;
    return absl::OkStatus();
  }
  if (!at->is_array()) return Missing("add", path);
  size_t index = at->size();
  if (key != "-") {
    index = 0;
    if (key.size() > 1 && key[0] == '0') return Missing("add", path);
    for (const char c : key) {
      if (c < '0' || c > '9') return Missing("add", path);
      index = index * 10 + static_cast<size_t>(c - '0');
      if (index > at->size()) return Missing("add", path);
    }
    if (key.empty()) return Missing("add", path);
  }
  at->insert(at->begin() + static_cast<std::ptrdiff_t>(index), value);
  return absl::OkStatus();
}

absl::Status RemoveAt(Json& root, absl::string_view path) {
  if (!AtPointer(root, path).ok()) return Missing("remove", path);
  auto parent = Parent(root, path);
  if (!parent.ok()) return Missing("remove", path);
  auto& [at, key] = *parent;
  if (at->is_object()) {
    at->erase(key);
  } else {
    at->erase(static_cast<size_t>(std::stoul(key)));
  }
  return absl::OkStatus();
}

absl::Status ApplyOne(Json& root, const Json& op, size_t& copy_budget) {
  if (!op.is_object() || !op.contains("op") || !op["op"].is_string() || !op.contains("path") ||
      !op["path"].is_string()) {
    return absl::InvalidArgumentError("JSON patch operation without op or path");
  }
  const std::string name = op["op"].get<std::string>();
  const std::string path = op["path"].get<std::string>();
  const bool needs_value = name == "add" || name == "replace" || name == "test";
  if (needs_value && !op.contains("value")) {
    return absl::InvalidArgumentError(absl::StrCat("JSON patch ", name, " ", path, ": no value"));
  }
  if (name == "add") return AddAt(root, path, op["value"]);
  if (name == "remove") return RemoveAt(root, path);
  absl::StatusOr<const Json*> at = AtPointer(root, path);
  if (name == "replace") {
    if (!at.ok()) return Missing(name, path);
    *const_cast<Json*>(*at) = op["value"];
    return absl::OkStatus();
  }
  if (name == "test") {
    if (at.ok() ? **at == op["value"] : op["value"].is_null()) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat("JSON patch test ", path, " failed"));
  }
  if (name == "move" || name == "copy") {
    if (!op.contains("from") || !op["from"].is_string()) {
      return absl::InvalidArgumentError(absl::StrCat("JSON patch ", name, " ", path, ": no from"));
    }
    const std::string from = op["from"].get<std::string>();
    absl::StatusOr<const Json*> source = AtPointer(root, from);
    if (!source.ok()) return Missing(name, from);
    const Json value = **source;
    if (name == "copy") {
      const size_t bytes = value.dump(-1, ' ', false, Json::error_handler_t::replace).size();
      if (bytes > copy_budget) {
        return absl::ResourceExhaustedError("JSON patch copies more than is allowed");
      }
      copy_budget -= bytes;
    }
    if (name == "move") {
      if (path == from) return absl::OkStatus();
      if (absl::StartsWith(path, absl::StrCat(from, "/"))) {
        return absl::InvalidArgumentError(
            absl::StrCat("JSON patch move ", from, ": into its own part ", path));
      }
      if (absl::Status status = RemoveAt(root, from); !status.ok()) return status;
    }
    return AddAt(root, path, value);
  }
  return absl::InvalidArgumentError(absl::StrCat("JSON patch operation \"", name, "\" is unknown"));
}

}  // namespace

absl::string_view DiffKindName(DiffKind kind) {
  switch (kind) {
    case DiffKind::kAdd:
      return "add";
    case DiffKind::kRemove:
      return "remove";
    case DiffKind::kReplace:
      break;
  }
  return "replace";
}

std::vector<DiffOp> Diff(const Json& before, const Json& after) {
  Differ differ;
  differ.Compare("", before, after);
  return std::move(differ.ops);
}

Json ToJsonPatch(const std::vector<DiffOp>& ops) {
  Json out = Json::array();
  for (const DiffOp& op : ops) {
    // A null that gets a value is an add, and an add to an object replaces what is there.
    Json entry = {{"op", DiffKindName(op.kind)}, {"path", op.path}};
    if (op.new_value != nullptr) entry["value"] = *op.new_value;
    out.push_back(std::move(entry));
  }
  return out;
}

absl::StatusOr<Json> ApplyJsonPatch(const Json& tree, const Json& patch,
                                    const JsonPatchLimits& limits) {
  if (!patch.is_array()) return absl::InvalidArgumentError("a JSON patch must be an array");
  if (patch.size() > limits.max_operations) {
    return absl::ResourceExhaustedError(absl::StrCat("a JSON patch may have at most ",
                                                     limits.max_operations, " operations, got ",
                                                     patch.size()));
  }
  size_t copy_budget = limits.max_copied_bytes;
  Json out = tree;
  for (const Json& op : patch) {
    if (absl::Status status = ApplyOne(out, op, copy_budget); !status.ok()) return status;
  }
  return out;
}

}  // namespace rekindle::json
