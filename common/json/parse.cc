#include "common/json/parse.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/json/tree_builder.h"

namespace rekindle::json {
namespace {

// Builds the tree and keeps count of the depth, which nlohmann's own builder does not.
class Builder final : public TreeBuilder {
 public:
  Builder(std::vector<std::string>* duplicates, const ParseLimits& limits)
      : duplicates_(duplicates), limits_(limits) {}

  bool key(string_t& name) override {
    Json& object = *open_.back();
    if (object.contains(name)) Report(name);
    key_ = std::move(name);
    names_.back() = key_;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    offset_ = position;
    return false;
  }

  bool too_deep() const { return too_deep_; }
  size_t offset() const { return offset_; }

 private:
  bool Put(Json value) override {
    Place(std::move(value));
    return true;
  }
  bool Open(Json value) override {
    if (open_.size() >= limits_.max_depth) {
      too_deep_ = true;
      return false;
    }
    open_.push_back(Place(std::move(value)));
    names_.emplace_back();
    return true;
  }
  bool Close() override {
    open_.pop_back();
    names_.pop_back();
    return true;
  }
  void Report(const std::string& name) {
    if (duplicates_ == nullptr || duplicates_->size() >= limits_.max_duplicates) return;
    std::string path;
    for (size_t i = 0; i + 1 < open_.size(); ++i) {
      if (open_[i]->is_array()) {
        absl::StrAppend(&path, "[", open_[i]->size() - 1, "]");
      } else {
        absl::StrAppend(&path, path.empty() ? "" : ".", names_[i]);
      }
    }
    duplicates_->push_back(absl::StrCat(path, path.empty() ? "" : ".", name));
  }

  std::vector<std::string>* duplicates_;
  ParseLimits limits_;
  std::vector<std::string> names_;  // beside open_: the member that is being read
  size_t offset_ = 0;
  bool too_deep_ = false;
};

}  // namespace

absl::StatusOr<Json> ParseChecked(absl::string_view text, std::vector<std::string>* duplicates,
                                  const ParseLimits& limits) {
  Builder builder(duplicates, limits);
  if (Json::sax_parse(text, &builder)) return builder.Take();
  if (builder.too_deep()) {
    return absl::InvalidArgumentError(
        absl::StrCat("JSON is nested more than ", limits.max_depth, " deep"));
  }
  return absl::InvalidArgumentError(absl::StrCat("not valid JSON near byte ", builder.offset()));
}

}  // namespace rekindle::json
