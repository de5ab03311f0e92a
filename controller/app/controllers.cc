#include "controller/app/controllers.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"

namespace rekindle {
namespace {

using Where = ControllerEntry::Where;

// Name, what it does (for --help), where it runs, what makes it.
constexpr absl::Span<const ControllerEntry> kControllers{};

bool RunsIn(const ControllerEntry& entry, bool embedded) {
  return entry.where == Where::kAnywhere || (entry.where == Where::kEmbedded) == embedded;
}

absl::string_view OnlyWhere(Where where) {
  switch (where) {
    case Where::kAnywhere:
      return "";
    case Where::kCluster:
      return ", not with --embedded";
    case Where::kEmbedded:
      return ", with --embedded only";
  }
  return "";
}

}  // namespace

absl::Span<const ControllerEntry> ControllerTable() { return kControllers; }

std::vector<std::string> AvailableControllers(bool embedded) {
  std::vector<std::string> names;
  for (const ControllerEntry& entry : ControllerTable()) {
    if (RunsIn(entry, embedded)) names.emplace_back(entry.name);
  }
  return names;
}

std::string DescribeControllers() {
  std::string text;
  for (const ControllerEntry& entry : ControllerTable()) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", entry.name, " (", entry.what,
                    OnlyWhere(entry.where), ")");
  }
  return text.empty() ? "none" : text;
}

absl::StatusOr<Manager::Controllers> MakeControllers(const std::vector<std::string>& names,
                                                     const ControllerParts& parts) {
  Manager::Controllers out;
  for (const ControllerEntry& entry : ControllerTable()) {
    if (std::find(names.begin(), names.end(), entry.name) == names.end()) continue;
    absl::StatusOr<std::unique_ptr<Controller>> made = entry.make(parts);
    if (!made.ok()) {
      return absl::Status(made.status().code(),
                          absl::StrCat("controller ", entry.name, ": ", made.status().message()));
    }
    out.push_back(*std::move(made));
  }
  return out;
}

}  // namespace rekindle
