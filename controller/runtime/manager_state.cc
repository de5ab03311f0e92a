#include "controller/runtime/manager_state.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/base/text.h"

namespace rekindle {
namespace {

void AppendCache(const CacheState& cache, absl::string_view of, std::string& text) {
  absl::StrAppend(&text, cache.synced ? "[+] " : "[-] ", of, "cache ", cache.name, ": ",
                  cache.objects, cache.objects == 1 ? " object, " : " objects, ",
                  PrintableText(cache.doing));
  if (cache.broken > 0) absl::StrAppend(&text, "; ", cache.broken, " cannot be read");
  absl::StrAppend(&text, "\n");
}

std::string Leadership(const ManagerState& state) {
  if (!state.election) return "no election: this is the only process";
  std::string text = absl::StrCat("lease ", state.lease, ": ");
  if (state.leading) return text + "held by this process, " + state.identity;
  absl::StrAppend(&text, state.leader.empty() ? "no holder known" : "held by ",
                  PrintableText(state.leader), "; this process is ", state.identity);
  if (!state.election_error.ok() && state.leader.empty()) {
    absl::StrAppend(&text, "; ", PrintableText(state.election_error.message()));
  }
  return text;
}

bool InOrder(const ManagerState& state) {
  return state.phase == ManagerPhase::kStandby || state.phase == ManagerPhase::kRunning;
}

bool AllHealthy(const ManagerState& state) {
  return std::all_of(state.controllers.begin(), state.controllers.end(),
                     [](const ManagerState::OneController& one) { return one.health.ok(); });
}

}  // namespace

HealthAnswer Liveness(const ManagerState& state) {
  if (state.phase == ManagerPhase::kLost) {
    return {false, absl::StrCat("the lease is lost: ", PrintableText(state.why.message()), "\n")};
  }
  return {true, "ok\n"};
}

HealthAnswer Serving(const ManagerState& state) {
  const bool serves =
      (state.phase == ManagerPhase::kSyncing || InOrder(state)) && AllHealthy(state);
  std::string text = serves ? "serving\n" : "not serving\n";
  for (const ManagerState::OneController& one : state.controllers) {
    if (one.health.ok()) continue;
    absl::StrAppend(&text, "[-] controller ", one.name, ": ", PrintableText(one.health.message()),
                    "\n");
  }
  return {serves, text};
}

HealthAnswer Readiness(const ManagerState& state) {
  const bool ready = InOrder(state) && AllHealthy(state);
  std::string text =
      absl::StrCat(ready ? "ready: " : "not ready: ", ManagerPhaseName(state.phase), "\n");
  absl::StrAppend(&text, "    ", Leadership(state), "\n");
  for (const CacheState& cache : state.caches) AppendCache(cache, "", text);
  for (const ManagerState::OneController& one : state.controllers) {
    absl::StrAppend(&text, one.synced && one.health.ok() ? "[+] " : "[-] ", "controller ", one.name,
                    one.synced ? ": caches filled" : ": its caches fill");
    if (!one.health.ok()) absl::StrAppend(&text, "; ", PrintableText(one.health.message()));
    absl::StrAppend(&text, "\n");
    for (const CacheState& cache : one.caches) {
      AppendCache(cache, absl::StrCat(one.name, ", "), text);
    }
  }
  return {ready, text};
}

std::string Summary(const ManagerState& state) {
  std::string text(ManagerPhaseName(state.phase));
  if (state.phase == ManagerPhase::kStandby && !state.leader.empty()) {
    absl::StrAppend(&text, ", ", state.leader, " leads");
  }
  const size_t count = state.controllers.size();
  absl::StrAppend(&text, "; ", count, count == 1 ? " controller" : " controllers");
  return text;
}

}  // namespace rekindle
