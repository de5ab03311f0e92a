#include "controller/apiserver/rest/media.h"

#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace rekindle::apiserver {
namespace {

struct MediaRange {
  std::string type;
  std::map<std::string, std::string> parameters;
};

MediaRange ParseRange(absl::string_view text) {
  MediaRange out;
  bool first = true;
  for (absl::string_view part : absl::StrSplit(text, ';')) {
    part = absl::StripAsciiWhitespace(part);
    if (first) {
      out.type = absl::AsciiStrToLower(part);
      first = false;
      continue;
    }
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    const std::string value(
        absl::StripAsciiWhitespace(absl::StripSuffix(absl::StripPrefix(pair.second, "\""), "\"")));
    out.parameters[absl::AsciiStrToLower(absl::StripAsciiWhitespace(pair.first))] = value;
  }
  return out;
}

// The form that `range` asks for; nullopt when there is none.
std::optional<Form> FormOf(const MediaRange& range, bool watch) {
  Form form;
  const bool any = range.type == "*/*" || range.type == "application/*" || range.type.empty();
  form.yaml = range.type == "application/yaml";
  if (!any && range.type != "application/json" && !(form.yaml && !watch)) return std::nullopt;
  const auto as = range.parameters.find("as");
  if (as == range.parameters.end()) return form;
  const auto group = range.parameters.find("g");
  const auto version = range.parameters.find("v");
  if (group == range.parameters.end() || group->second != "meta.k8s.io") return std::nullopt;
  if (version == range.parameters.end()) return std::nullopt;
  form.version = version->second;
  if (form.version != "v1" && form.version != "v1beta1") return std::nullopt;
  if (as->second == "Table") {
    form.shape = Form::Shape::kTable;
    return form;
  }
  if (as->second == "PartialObjectMetadata" || as->second == "PartialObjectMetadataList") {
    form.shape = Form::Shape::kPartial;
    return form;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Form> Negotiate(absl::string_view accept, bool watch) {
  if (absl::StripAsciiWhitespace(accept).empty()) return Form();
  for (absl::string_view part : absl::StrSplit(accept, ',')) {
    if (std::optional<Form> form = FormOf(ParseRange(part), watch)) return form;
  }
  return std::nullopt;
}

const std::vector<std::string>& OfferedTypes() {
  static const auto* types = new std::vector<std::string>{"application/json", "application/yaml"};
  return *types;
}

std::string BareType(absl::string_view value) { return ParseRange(value).type; }

std::optional<BodyType> BodyTypeOf(absl::string_view content_type) {
  static const auto* types = new std::map<std::string, BodyType>{
      {"", BodyType::kJson},
      {"application/json", BodyType::kJson},
      {"application/yaml", BodyType::kYaml},
      {"application/vnd.kubernetes.protobuf", BodyType::kProtobuf},
      {"application/json-patch+json", BodyType::kJsonPatch},
      {"application/merge-patch+json", BodyType::kMergePatch},
      {"application/strategic-merge-patch+json", BodyType::kStrategicPatch},
      {"application/apply-patch+yaml", BodyType::kApply},
  };
  const auto found = types->find(BareType(content_type));
  if (found == types->end()) return std::nullopt;
  return found->second;
}

bool AcceptsGzip(absl::string_view accept_encoding) {
  for (absl::string_view part : absl::StrSplit(accept_encoding, ',')) {
    const MediaRange range = ParseRange(part);
    if (range.type != "gzip" && range.type != "*") continue;
    const auto quality = range.parameters.find("q");
    double value = 1;
    if (quality != range.parameters.end() && !absl::SimpleAtod(quality->second, &value))
      return false;
    return value > 0;
  }
  return false;
}

}  // namespace rekindle::apiserver
