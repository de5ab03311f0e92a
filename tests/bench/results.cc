#include "tests/bench/results.h"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <nlohmann/json.hpp>

namespace rekindle::bench {
namespace {

double Rounded(double value) { return std::round(value * 1000) / 1000; }

double Ratio(const Row& row) {
  return row.reference->value > 0 ? row.value / row.reference->value : 0;
}

}  // namespace

bool WithinLimit(const Row& row) {
  if (!row.limit.has_value()) return true;
  return (row.reference.has_value() ? Ratio(row) : row.value) <= *row.limit;
}

std::string ToJsonLine(const Row& row) {
  nlohmann::ordered_json json = {{"bench", row.bench},
                                 {"metric", row.metric},
                                 {"value", Rounded(row.value)},
                                 {"unit", row.unit}};
  if (row.reference.has_value()) {
    json[row.reference->kind] = Rounded(row.reference->value);
    json[row.reference->kind + "_name"] = row.reference->name;
    json["ratio"] = Rounded(Ratio(row));
  }
  if (row.limit.has_value()) {
    json["limit"] = Rounded(*row.limit);
    json["within_limit"] = WithinLimit(row);
  }
  return json.dump();
}

absl::Status Results::Add(const Row& row) {
  std::string line = ToJsonLine(row);
  absl::PrintF("%s\n", line);
  std::fflush(stdout);
  all_within_limits_ = all_within_limits_ && WithinLimit(row);
  std::error_code ignored;  // the file itself says whether it can be written
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
  std::ofstream file(path_, std::ios::app);
  file << line << "\n";
  file.close();
  if (!file) return absl::UnavailableError(absl::StrCat("write ", path_));
  return absl::OkStatus();
}

}  // namespace rekindle::bench
