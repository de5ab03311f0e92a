#ifndef REKINDLE_COMMON_CLIENT_BODIES_H_
#define REKINDLE_COMMON_CLIENT_BODIES_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/client/http/transport.h"
#include "common/json/parse.h"

namespace rekindle::client {

// Collects a body and reads it as JSON, on the transport's thread.
class JsonBody final : public BodyReader {
 public:
  explicit JsonBody(size_t most) : most_(most) {}

  absl::Status Consume(absl::string_view bytes) override {
    if (text_.size() + bytes.size() > most_) {
      return absl::ResourceExhaustedError(absl::StrCat("the answer has over ", most_, " bytes"));
    }
    text_.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status Finish() override {
    absl::StatusOr<Json> tree = json::ParseChecked(text_, nullptr);
    if (!tree.ok())
      return absl::UnavailableError(absl::StrCat("the answer is ", tree.status().message()));
    tree_ = *std::move(tree);
    text_ = std::string();
    return absl::OkStatus();
  }
  // For the next attempt.
  void Reset() { text_.clear(); }
  Json Take() { return std::move(tree_); }

 private:
  const size_t most_;
  std::string text_;
  Json tree_;
};

// Passes a body on and remembers that there was one.
class WatchedBody final : public BodyReader {
 public:
  explicit WatchedBody(std::shared_ptr<BodyReader> inner) : inner_(std::move(inner)) {}
  absl::Status Consume(absl::string_view bytes) override {
    touched_.store(true);
    return inner_->Consume(bytes);
  }
  absl::Status Finish() override {
    touched_.store(true);
    return inner_->Finish();
  }
  bool touched() const { return touched_.load(); }

 private:
  const std::shared_ptr<BodyReader> inner_;
  std::atomic<bool> touched_{false};
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_BODIES_H_
