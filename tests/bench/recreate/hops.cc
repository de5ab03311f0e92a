#include "tests/bench/recreate/hops.h"

#include <map>
#include <optional>

#include "absl/strings/str_cat.h"

#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "tests/measure/stats.h"

namespace rekindle::bench {
namespace {

namespace pb = ::rekindle::node::v1;

constexpr double kLimitMs = 250;  // beside the container's own stop and start
constexpr double kMostWrites = 2;

double Ms(absl::Duration duration) { return absl::ToDoubleMilliseconds(duration); }

}  // namespace

Hops HopsOf(absl::Time sent, absl::Time answered, const SeenRequest& seen,
            const pb::Operation& operation) {
  std::map<pb::Phase, absl::Time> entered;
  for (const pb::PhaseTime& phase : operation.history()) {
    entered.emplace(phase.phase(), FromProto(phase.entered()));
  }
  const absl::Time accepted = entered[pb::PHASE_ACCEPTED];
  const absl::Time stopping = entered[pb::PHASE_STOPPING];
  const absl::Time done = entered[pb::PHASE_DONE];
  return {.total = Ms(seen.completed - sent),
          .stored = Ms(answered - sent),
          .called = Ms(accepted - sent),
          .noticed = Ms(accepted - answered),
          .written = Ms(seen.begun - sent),
          .prepared = Ms(stopping - accepted),
          .own = Ms(done - stopping),
          .gap = Ms(FromProto(operation.gap())),
          .told = Ms(seen.completed - done),
          .writes = seen.changes};
}

absl::Status ReportHops(const std::string& bench, const std::vector<Hops>& rounds,
                        Results& results) {
  const auto add = [&](const std::string& metric, double value, const char* unit,
                       std::optional<double> limit = std::nullopt) {
    return results.Add({.bench = bench,
                        .metric = metric,
                        .value = value,
                        .unit = unit,
                        .reference = std::nullopt,
                        .limit = limit});
  };
  const auto all = [&](auto value) {
    std::vector<double> out;
    for (const Hops& round : rounds) out.push_back(value(round));
    return out;
  };
  const std::vector<double> beside = all([](const Hops& r) { return r.total - r.own; });
  RK_RETURN_IF_ERROR(add("requests", static_cast<double>(rounds.size()), "requests"));
  RK_RETURN_IF_ERROR(
      add("beside_own_stop_and_start_median", measure::Median(beside), "ms", kLimitMs));
  RK_RETURN_IF_ERROR(
      add("beside_own_stop_and_start_p99", measure::Quantile(beside, 0.99), "ms", kLimitMs));
  const struct {
    const char* name;
    double Hops::*member;
  } parts[] = {{"sent_to_completed", &Hops::total},
               {"own_stop_and_start", &Hops::own},
               {"gap", &Hops::gap},
               {"sent_to_answered", &Hops::stored},
               {"sent_to_accepted_by_daemon", &Hops::called},
               {"answered_to_accepted_by_daemon", &Hops::noticed},
               {"sent_to_recreating_seen", &Hops::written},
               {"accepted_to_stop", &Hops::prepared},
               {"done_to_completed_seen", &Hops::told}};
  for (const auto& part : parts) {
    const std::vector<double> values =
        all([member = part.member](const Hops& round) { return round.*member; });
    RK_RETURN_IF_ERROR(add(absl::StrCat(part.name, "_median"), measure::Median(values), "ms"));
    RK_RETURN_IF_ERROR(add(absl::StrCat(part.name, "_p99"), measure::Quantile(values, 0.99), "ms"));
  }
  const std::vector<double> writes =
      all([](const Hops& round) { return static_cast<double>(round.writes); });
  return add("status_writes_max", measure::Quantile(writes, 1), "writes", kMostWrites);
}

}  // namespace rekindle::bench
