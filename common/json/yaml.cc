#include "common/json/yaml.h"

#include <sstream>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "common/json/tree.h"

namespace rekindle::json {
namespace {

constexpr int kMaxDepth = 200;
// Aliases of aliases make a tree of any size out of a few lines.
constexpr int kMaxNodes = 1'000'000;

Json Scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return nullptr;
  }
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const bool numeric = absl::ascii_isdigit(static_cast<unsigned char>(text.back())) &&
                       text.find_first_not_of("+-.0123456789eE") == std::string::npos;
  int64_t integer = 0;
  if (numeric && absl::SimpleAtoi(text, &integer)) return integer;
  double real = 0;
  if (numeric && absl::SimpleAtod(text, &real)) return real;
  return text;
}

Json Convert(const YAML::Node& node, int depth, int& budget) {
  if (--budget < 0) throw YAML::ParserException(node.Mark(), "has too many values");
  if (depth > kMaxDepth) throw YAML::ParserException(node.Mark(), "nested too deeply");
  switch (node.Type()) {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null:
      return nullptr;
    case YAML::NodeType::Scalar:
      return Scalar(node);
    case YAML::NodeType::Sequence: {
      Json out = Json::array();
      for (const YAML::Node& item : node) out.push_back(Convert(item, depth + 1, budget));
      return out;
    }
    case YAML::NodeType::Map:
      break;
  }
  Json out = Json::object();
  for (const auto& entry : node) {
    out[entry.first.Scalar()] = Convert(entry.second, depth + 1, budget);
  }
  return out;
}

void Add(Json document, std::vector<Json>& out) {
  if (document.is_null()) return;
  const auto kind = document.find("kind");
  const auto items = document.find("items");
  if (kind != document.end() && kind->is_string() && items != document.end() && items->is_array() &&
      absl::EndsWith(kind->get<std::string>(), "List")) {
    for (Json& item : *items) Add(std::move(item), out);
    return;
  }
  out.push_back(std::move(document));
}

// Looks where documents begin.
class Progress final : public YAML::EventHandler {
 public:
  YAML::Mark last = YAML::Mark::null_mark();
  bool stuck = false;  // a document has begun where the one before it did

  void OnDocumentStart(const YAML::Mark& mark) override {
    stuck = !last.is_null() && mark.pos <= last.pos;
    last = mark;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

}  // namespace

absl::Status CheckYamlDocuments(const std::string& text) {
  std::istringstream stream(text);
  try {
    YAML::Parser parser(stream);
    Progress progress;
    while (parser.HandleNextDocument(progress)) {
      if (progress.stuck) {
        return absl::InvalidArgumentError(
            absl::StrCat("line ", progress.last.line + 1, ": begins no document"));
      }
    }
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("line ", error.mark.line + 1, ": ", error.msg));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Json>> ReadYaml(const std::string& text) {
  std::vector<Json> out;
  // What an API server prints: far faster, and with all of JSON's escapes.
  if (absl::StartsWith(absl::StripLeadingAsciiWhitespace(text), "{")) {
    if (absl::StatusOr<Json> document = Parse(text); document.ok()) {
      Add(*std::move(document), out);
      return out;
    }
  }
  if (const absl::Status status = CheckYamlDocuments(text); !status.ok()) return status;
  int budget = kMaxNodes;
  try {
    for (const YAML::Node& node : YAML::LoadAll(text)) {
      Json document = Convert(node, 0, budget);
      if (!document.is_null() && !document.is_object()) {
        return absl::InvalidArgumentError("a document is no object");
      }
      Add(std::move(document), out);
    }
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("line ", error.mark.line + 1, ": ", error.msg));
  }
  return out;
}

}  // namespace rekindle::json
