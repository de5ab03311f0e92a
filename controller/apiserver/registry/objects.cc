#include "controller/apiserver/registry/objects.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/json/fast_parse.h"
#include "common/json/tree.h"
#include "common/json/tree_builder.h"

namespace rekindle::apiserver {
namespace {

constexpr absl::string_view kMetadataOpening = "\"metadata\":{";

// Builds the tree of `metadata` and stops after it.
class MetaReader final : public json::TreeBuilder {
 public:
  bool key(string_t& name) override {
    if (depth_ == 1) inside_ = name == "metadata";
    if (depth_ == 2 && inside_) skipping_ = name == "managedFields";
    if (Building()) key_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

  bool done() const { return done_; }

 private:
  bool Building() const { return inside_ && !skipping_ && depth_ >= 2; }
  bool Put(Json value) override {
    if (Building()) Place(std::move(value));
    return true;
  }
  bool Open(Json value) override {
    const bool root = inside_ && depth_ == 1;
    if (root || Building()) open_.push_back(Place(std::move(value)));
    ++depth_;
    return true;
  }
  bool Close() override {
    --depth_;
    if (!inside_ || (skipping_ && depth_ >= 2)) return true;
    if (!open_.empty()) open_.pop_back();
    done_ = depth_ == 1;
    return !done_;
  }

  int depth_ = 0;
  bool inside_ = false;
  bool skipping_ = false;
  bool done_ = false;
};

}  // namespace

Json& Metadata(Json& object) {
  Json& metadata = object["metadata"];
  if (!metadata.is_object()) metadata = Json::object();
  return metadata;
}

absl::string_view MetaText(const Json& object, absl::string_view member) {
  return json::String(object, {"metadata", member});
}

void SetRevision(Json& object, Revision revision) {
  Metadata(object)["resourceVersion"] = std::to_string(revision);
}

Revision RevisionOf(const Json& object) {
  Revision out = 0;
  return absl::SimpleAtoi(MetaText(object, "resourceVersion"), &out) ? out : 0;
}

bool BeingDeleted(const Json& object) { return !MetaText(object, "deletionTimestamp").empty(); }

std::vector<std::string> Finalizers(const Json& object) {
  std::vector<std::string> out;
  const Json* list = json::Find(object, {"metadata", "finalizers"});
  if (list == nullptr || !list->is_array()) return out;
  for (const Json& one : *list) {
    if (one.is_string()) out.push_back(one.get<std::string>());
  }
  return out;
}

void SetFinalizers(Json& object, const std::vector<std::string>& finalizers) {
  if (finalizers.empty()) {
    Metadata(object).erase("finalizers");
  } else {
    Metadata(object)["finalizers"] = finalizers;
  }
}

api::Subject SubjectOf(const api::KindInfo& kind, absl::string_view name) {
  return {kind.group, kind.plural, kind.kind, std::string(name)};
}

std::string StoredText(const Json& object) {
  std::string out = "{";
  const auto member = [&](absl::string_view name, const Json& value) {
    if (out.size() > 1) out += ',';
    absl::StrAppend(&out, json::Dump(Json(std::string(name))), ":", json::Dump(value));
  };
  for (const char* name : {"apiVersion", "kind"}) {
    if (const Json* value = json::Find(object, name); value != nullptr) member(name, *value);
  }
  if (const Json* value = json::Find(object, "metadata"); value != nullptr) {
    if (value->is_object()) {
      absl::StrAppend(&out, out.size() > 1 ? "," : "", kMetadataOpening);
      const size_t opened = out.size();
      for (const auto& [name, inner] : value->items()) {
        if (name == "resourceVersion") continue;
        absl::StrAppend(&out, out.size() > opened ? "," : "", json::Dump(Json(name)), ":",
                        json::Dump(inner));
      }
      out += '}';
    } else {
      member("metadata", *value);
    }
  }
  for (const auto& [name, value] : object.items()) {
    if (name != "apiVersion" && name != "kind" && name != "metadata") member(name, value);
  }
  return out + "}";
}

absl::StatusOr<Json> ParseStored(const Key& key, absl::string_view text, Revision revision) {
  // Most of the time of a write is here. What the fast parser refuses may still be JSON: whole
  // numbers beyond 64 bits.
  absl::StatusOr<Json> object = json::FastParser().Parse(text);
  if (!object.ok()) object = json::Parse(text);
  if (!object.ok() || !object->is_object()) {
    return absl::InternalError(
        absl::StrCat("stored ", key.resource, " ", key.name_space, "/", key.name,
                     " cannot be read: ", object.ok() ? "no object" : object.status().message()));
  }
  SetRevision(*object, revision);
  return object;
}

std::string SplicedText(absl::string_view text, Revision revision, bool with_type) {
  // {"apiVersion":"..","kind":"..","metadata":{ : none of the two values needs escapes.
  const size_t at = text.find(kMetadataOpening);
  if (at == absl::string_view::npos || !absl::StartsWith(text, "{\"apiVersion\":\"")) return "";
  const absl::string_view head = text.substr(1, at - 1);
  const size_t quotes = static_cast<size_t>(std::count(head.begin(), head.end(), '"'));
  if (quotes != 8 || head.find('\\') != absl::string_view::npos) return "";
  const absl::string_view rest = text.substr(at + kMetadataOpening.size());
  std::string out = "{";
  out.reserve(text.size() + 48);
  absl::StrAppend(&out, with_type ? head : "", kMetadataOpening, "\"resourceVersion\":\"", revision,
                  "\"", absl::StartsWith(rest, "}") ? "" : ",", rest);
  return out;
}

absl::StatusOr<Json> ReadSelectable(absl::string_view text) {
  // Lists of containers and the like are most of a text.
  json::FastParser parser({"metadata.managedFields", "metadata.annotations",
                           "metadata.ownerReferences", "spec.containers", "spec.initContainers",
                           "spec.volumes", "spec.template", "status.containerStatuses",
                           "status.initContainerStatuses", "status.conditions", "data"});
  return parser.Parse(text);
}

absl::StatusOr<api::ObjectMeta> ReadStoredMeta(absl::string_view text) {
  MetaReader reader;
  (void)Json::sax_parse(text, &reader);
  if (!reader.done()) return absl::InternalError("stored object without readable metadata");
  Json whole = Json::object();
  whole["metadata"] = reader.Take();
  return api::ReadObjectMeta(whole);
}

}  // namespace rekindle::apiserver
