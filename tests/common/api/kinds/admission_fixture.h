#ifndef REKINDLE_TESTS_COMMON_API_KINDS_ADMISSION_FIXTURE_H_
#define REKINDLE_TESTS_COMMON_API_KINDS_ADMISSION_FIXTURE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/kinds/admission.h"
#include "common/api/kinds/registry.h"
#include "common/api/status.h"
#include "common/json/tree.h"

namespace rekindle::api {

class FakeReader : public ObjectReader {
 public:
  absl::StatusOr<Json> Get(absl::string_view, absl::string_view kind, absl::string_view name_space,
                           absl::string_view name) const override {
    if (broken) return absl::UnavailableError("no connection");
    const auto it = objects.find(absl::StrCat(kind, "/", name_space, "/", name));
    if (it == objects.end()) return absl::NotFoundError(absl::StrCat(name, " not found"));
    return it->second;
  }
  std::map<std::string, Json> objects;
  bool broken = false;
};

// Writes objects as an API server would and shows what came of it.
class AdmissionTest : public testing::Test {
 protected:
  struct Result {
    absl::Status status;
    Json object;
    int code() const {
      const auto error = FromStatus(status);
      return status.ok() ? 200 : error.has_value() ? error->code : -1;
    }
    std::string message() const { return std::string(status.message()); }
    // "field: message" of each cause.
    std::vector<std::string> causes() const {
      std::vector<std::string> out;
      if (const auto error = FromStatus(status); error.has_value()) {
        for (const StatusCause& cause : error->causes) {
          out.push_back(cause.field + ": " + cause.message);
        }
      }
      return out;
    }
    std::vector<std::string> fields() const {
      std::vector<std::string> out;
      if (const auto error = FromStatus(status); error.has_value()) {
        for (const StatusCause& cause : error->causes) out.push_back(cause.field);
      }
      return out;
    }
  };

  static Json J(const char* text) { return Json::parse(text); }

  Result Write(Json object, const Json* old = nullptr) {
    const KindInfo* kind =
        Kinds().Find(json::String(object, "apiVersion"), json::String(object, "kind"));
    EXPECT_NE(kind, nullptr) << object;
    if (kind == nullptr) return {absl::InternalError("no such kind"), {}};
    AdmissionRequest request;
    request.kind = kind;
    request.object = &object;
    request.old = old;
    request.gates = gates_;
    request.reader = &reader_;
    request.now = absl::FromUnixSeconds(1'800'000'000);
    absl::Status status = MakeDefaults(request);
    if (status.ok()) status = Validate(request);
    return {status, object};
  }
  // An update as a client does it: with the version that it read.
  Result Update(Json object, Json old) {
    for (Json* one : {&object, &old}) {
      (*one)["metadata"]["resourceVersion"] = "5";
      (*one)["metadata"]["uid"] = "u1";
    }
    return Write(object, &old);
  }

  AdmissionGates gates_;
  FakeReader reader_;
};

}  // namespace rekindle::api

#endif  // REKINDLE_TESTS_COMMON_API_KINDS_ADMISSION_FIXTURE_H_
