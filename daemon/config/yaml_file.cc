#include "daemon/config/yaml_file.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <sstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "common/base/text.h"
#include "daemon/config/keys.h"

namespace rekindle::config {
namespace {

constexpr size_t kMostErrors = 20;     // a file that is no configuration at all needs no more
constexpr size_t kDeepestNesting = 8;  // two levels mean something; the parser recurses per level
constexpr size_t kLongestShown = 80;

std::string Shown(absl::string_view text) { return PrintableText(text.substr(0, kLongestShown)); }

// Ends parsing when nothing more can be learned; never leaves ReadYaml.
struct GiveUp : std::exception {};

// Takes the parser's events and fills the configuration. Events are used, not a tree of nodes, so
// that neither aliases nor depth cost anything.
class Reader final : public YAML::EventHandler {
 public:
  Reader(absl::string_view file, DaemonConfig& config, Origins& origins)
      : file_(file), config_(config), origins_(origins) {}

  const std::vector<std::string>& errors() const { return errors_; }

  void Error(int line, absl::string_view what) {
    errors_.push_back(absl::StrCat(file_, ":", line + 1, ": ", what));
    if (errors_.size() >= kMostErrors) throw GiveUp();
  }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    RefuseAnchor(mark, anchor);
    if (depth_ == 0) return;  // an empty document is a configuration of defaults
    if (depth_ == 1 && key_.has_value()) {
      if (known_ != nullptr) Error(key_line_, absl::StrCat(*key_, ": has no value; ", Allowed()));
      EndOfEntry();
    } else {
      OnScalar(mark, "", 0, "");
    }
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Error(mark.line, "aliases (*name) are not allowed");
    if (depth_ == 1) EndOfEntry();
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    RefuseAnchor(mark, anchor);
    if (!tag.empty() && tag != "?" && tag != "!") Error(mark.line, "tags (!name) are not allowed");
    if (depth_ == 0) {
      Error(mark.line, "the file must be a mapping, one \"key: value\" a line");
    } else if (depth_ == 1 && !key_.has_value()) {
      BeginEntry(mark, value);
    } else if (depth_ == 1) {
      Store(mark, {value}, /*list=*/false);
      EndOfEntry();
    } else if (depth_ == 2 && in_list_) {
      items_.push_back(value);
    }
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, anchor);
    if (depth_ == 1) {
      Error(mark.line, "the file must be a mapping of keys to values, not a list");
      throw GiveUp();
    }
    if (depth_ == 2) {
      if (!key_.has_value()) Error(mark.line, "a key must be a plain word");
      in_list_ = true;
      list_mark_ = mark;
      items_.clear();
    }
    if (depth_ == 3) Error(mark.line, "a list within a list or mapping is not allowed");
  }

  void OnSequenceEnd() override {
    if (depth_ == 2) {
      Store(list_mark_, items_, /*list=*/true);
      in_list_ = false;
    }
    Close();
  }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, anchor);
    if (depth_ == 2) {
      Error(mark.line, key_.has_value()
                           ? absl::StrCat(*key_, ": must not be a mapping; ", Allowed())
                           : std::string("a key must be a plain word"));
    }
    if (depth_ == 3) Error(mark.line, "a mapping within a list or mapping is not allowed");
  }

  void OnMapEnd() override { Close(); }

 private:
  void Open(const YAML::Mark& mark, YAML::anchor_t anchor) {
    RefuseAnchor(mark, anchor);
    if (++depth_ > kDeepestNesting) {
      Error(mark.line, absl::StrCat("nested more than ", kDeepestNesting, " levels deep"));
      throw GiveUp();
    }
  }

  void Close() {
    if (--depth_ == 1) EndOfEntry();
  }

  void RefuseAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) Error(mark.line, "anchors (&name) are not allowed");
  }

  // A key that is itself a list or mapping has no name; its value is the next thing all the same.
  void EndOfEntry() {
    if (key_.has_value()) {
      key_.reset();
    } else {
      key_ = "";
    }
    known_ = nullptr;
  }

  void BeginEntry(const YAML::Mark& mark, const std::string& name) {
    key_ = Shown(name);
    key_line_ = mark.line;
    known_ = FindKey(name);
    if (known_ == nullptr) {
      std::vector<std::string> names;
      for (const Key& key : Keys()) names.emplace_back(key.name);
      const auto near = NearestWords(name, names, 1);
      Error(mark.line,
            absl::StrCat("unknown key \"", *key_, "\"", near.empty() ? "" : "; did you mean \"",
                         near.empty() ? "" : near[0], near.empty() ? "" : "\"?"));
      return;
    }
    const std::string origin = absl::StrCat(file_, ":", mark.line + 1);
    const auto [it, first] = seen_.emplace(name, origin);
    if (!first) {
      Error(mark.line, absl::StrCat(name, ": is given twice; the first is at ", it->second));
    }
    origins_[name] = origin;
  }

  std::string Allowed() const {
    return known_ == nullptr ? "" : absl::StrCat("allowed: ", known_->allowed);
  }

  void Store(const YAML::Mark& mark, const std::vector<std::string>& values, bool list) {
    if (known_ == nullptr) return;  // reported at the key
    if (list != known_->is_list) {
      Error(mark.line,
            absl::StrCat(*key_, ": must ", list ? "not " : "", "be a list; ", Allowed()));
      return;
    }
    const absl::Status status = known_->set(values, config_);
    if (!status.ok()) {
      Error(mark.line, absl::StrCat(*key_, ": ", status.message(), "; ", Allowed()));
    }
  }

  const std::string file_;
  DaemonConfig& config_;
  Origins& origins_;
  Origins seen_;
  std::vector<std::string> errors_;
  size_t depth_ = 0;
  std::optional<std::string> key_;  // of the entry being read, as shown in messages
  int key_line_ = 0;
  const Key* known_ = nullptr;
  bool in_list_ = false;
  YAML::Mark list_mark_;
  std::vector<std::string> items_;
};

}  // namespace

absl::Status ReadYaml(absl::string_view text, absl::string_view file, DaemonConfig& config,
                      Origins& origins) {
  if (text.size() > kLargestConfigFile) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": is larger than ",
                                                   kLargestConfigFile / 1024,
                                                   " KiB, which is no configuration file"));
  }
  Reader reader(file, config, origins);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    bool more = parser.HandleNextDocument(reader);
    if (more && parser.HandleNextDocument(reader)) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ": holds more than one document (\"---\"); only one is allowed"));
    }
  } catch (const GiveUp&) {
    // Its reason is among the errors.
  } catch (const YAML::Exception& e) {
    std::vector<std::string> errors = reader.errors();
    errors.push_back(
        absl::StrCat(file, ":", std::max(0, e.mark.line) + 1, ": not valid YAML: ", Shown(e.msg)));
    return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
  } catch (const std::exception& e) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": not valid YAML: ", Shown(e.what())));
  }
  if (reader.errors().empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(reader.errors(), "\n"));
}

}  // namespace rekindle::config
