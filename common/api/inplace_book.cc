#include "common/api/inplace_book.h"

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/time.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

absl::StatusOr<Json> ParseObject(absl::string_view text, absl::string_view what) {
  absl::StatusOr<Json> tree = json::Parse(text);
  if (!tree.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": ", tree.status().message()));
  }
  if (!tree->is_object()) return absl::InvalidArgumentError(absl::StrCat(what, ": not an object"));
  return tree;
}

std::map<std::string, std::string> TextMap(const Json& tree, absl::string_view key) {
  std::map<std::string, std::string> out;
  const Json* map = json::Find(tree, key);
  if (map == nullptr || !map->is_object()) return out;
  for (const auto& [name, value] : map->items()) {
    if (value.is_string()) out[name] = value.get<std::string>();
  }
  return out;
}

StringMap ToStringMap(const Json* tree) {
  StringMap out;
  if (tree == nullptr || !tree->is_object()) return out;
  for (const auto& [key, value] : tree->items()) {
    if (value.is_string()) out.Set(key, value.get_ref<const std::string&>());
  }
  return out;
}

std::map<std::string, RefMetadata> MetadataMap(const Json& tree, absl::string_view key) {
  std::map<std::string, RefMetadata> out;
  const Json* map = json::Find(tree, key);
  if (map == nullptr || !map->is_object()) return out;
  for (const auto& [name, value] : map->items()) {
    out[name] = {ToStringMap(json::Find(value, "labels")),
                 ToStringMap(json::Find(value, "annotations"))};
  }
  return out;
}

absl::StatusOr<std::map<std::string, Resources>> ResourceMap(const Json& tree,
                                                             absl::string_view key) {
  std::map<std::string, Resources> out;
  const Json* map = json::Find(tree, key);
  if (map == nullptr || !map->is_object()) return out;
  for (const auto& [name, value] : map->items()) {
    absl::StatusOr<Resources> resources = ParseResources(value, absl::StrCat(key, ".", name));
    if (!resources.ok()) return resources.status();
    out[name] = *std::move(resources);
  }
  return out;
}

std::vector<std::string> TextList(const Json* list) {
  std::vector<std::string> out;
  if (list == nullptr || !list->is_array()) return out;
  for (const Json& value : *list) {
    if (value.is_string()) out.push_back(value.get<std::string>());
  }
  return out;
}

Json ToJson(const StringMap& map) {
  Json out = Json::object();
  for (const auto& [key, value] : map) out[key] = value;
  return out;
}

Json ToJson(const std::map<std::string, RefMetadata>& map) {
  Json out = Json::object();
  for (const auto& [name, metadata] : map) {
    Json entry = {{"creationTimestamp", nullptr}};
    if (!metadata.labels.empty()) entry["labels"] = ToJson(metadata.labels);
    if (!metadata.annotations.empty()) entry["annotations"] = ToJson(metadata.annotations);
    out[name] = std::move(entry);
  }
  return out;
}

Json ToJson(const std::map<std::string, Resources>& map) {
  Json out = Json::object();
  for (const auto& [name, resources] : map) out[name] = ResourcesToJson(resources);
  return out;
}

absl::StatusOr<ResourceValues> ParseValues(const Json* tree, absl::string_view field) {
  ResourceValues out;
  if (tree == nullptr) return out;
  if (!tree->is_object()) return absl::InvalidArgumentError(absl::StrCat(field, ": not an object"));
  for (const auto& [name, value] : tree->items()) {
    absl::StatusOr<Quantity> quantity = Quantity::FromJson(value);
    if (!quantity.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ".", name, ": ", quantity.status().message()));
    }
    out[name] = *quantity;
  }
  return out;
}

// Writes members in the order of the known shape; the base library would sort them.
class ObjectWriter {
 public:
  void Add(absl::string_view key, const Json& value) {
    absl::StrAppend(&text_, text_.empty() ? "" : ",", "\"", key, "\":", json::DumpLikeGo(value));
  }
  void AddUnlessEmpty(absl::string_view key, const Json& value) {
    const bool off = value.is_boolean() && !value.get<bool>();
    if (!off && !json::IsEmpty(value)) Add(key, value);
  }
  std::string Done() const { return absl::StrCat("{", text_, "}"); }
  void AddRaw(absl::string_view key, absl::string_view value) {
    absl::StrAppend(&text_, text_.empty() ? "" : ",", "\"", key, "\":", value);
  }

 private:
  std::string text_;
};

}  // namespace

absl::StatusOr<Resources> ParseResources(const Json& tree, absl::string_view field) {
  Resources out;
  if (tree.is_null()) return out;
  absl::StatusOr<ResourceValues> requests =
      ParseValues(json::Find(tree, "requests"), absl::StrCat(field, ".requests"));
  if (!requests.ok()) return requests.status();
  absl::StatusOr<ResourceValues> limits =
      ParseValues(json::Find(tree, "limits"), absl::StrCat(field, ".limits"));
  if (!limits.ok()) return limits.status();
  return Resources{*std::move(requests), *std::move(limits)};
}

Json ResourcesToJson(const Resources& resources) {
  Json out = Json::object();
  for (const auto& [name, value] : resources.requests) out["requests"][name] = value.Text();
  for (const auto& [name, value] : resources.limits) out["limits"][name] = value.Text();
  return out;
}

absl::StatusOr<InPlaceState> ParseInPlaceState(absl::string_view text, TextPool* pool) {
  absl::StatusOr<Json> tree = ParseObject(text, "in-place update state");
  if (!tree.ok()) return tree.status();
  InPlaceState out;
  out.revision = std::string(json::String(*tree, "revision"));
  out.update_time = ParseTime(json::String(*tree, "updateTimestamp")).value_or(absl::UnixEpoch());
  if (const Json* last = json::Find(*tree, "lastContainerStatuses"); last && last->is_object()) {
    for (const auto& [name, value] : last->items()) {
      const absl::string_view id = json::String(value, "imageID");
      out.last_image_ids[name] = pool == nullptr ? Text(id) : pool->Get(id);
    }
  }
  out.env_from_metadata = json::Bool(*tree, {"updateEnvFromMetadata"});
  out.resources = json::Bool(*tree, {"updateResources"});
  out.images = json::Bool(*tree, {"updateImages"});
  out.next_images = TextMap(*tree, "nextContainerImages");
  out.next_metadata = MetadataMap(*tree, "nextContainerRefMetadata");
  absl::StatusOr<std::map<std::string, Resources>> next =
      ResourceMap(*tree, "nextContainerResources");
  if (!next.ok()) return next.status();
  out.next_resources = *std::move(next);
  out.must_be_ready =
      TextList(json::Find(*tree, {"preCheckBeforeNext", "containersRequiredReady"}));
  if (const Json* list = json::Find(*tree, "containerBatchesRecord"); list && list->is_array()) {
    for (const Json& batch : *list) {
      out.batches.push_back(
          {ParseTime(json::String(batch, "timestamp")).value_or(absl::UnixEpoch()),
           TextList(json::Find(batch, "containers"))});
    }
  }
  out.last_container_ids = TextMap(*tree, "lastContainerIDs");
  out.next_restarts = TextList(json::Find(*tree, "nextContainerRestarts"));
  return out;
}

std::string FormatInPlaceState(const InPlaceState& state) {
  ObjectWriter out;
  out.Add("revision", state.revision);
  out.Add("updateTimestamp", api::FormatTime(state.update_time));
  Json last = state.last_image_ids.empty() ? Json() : Json::object();
  for (const auto& [name, id] : state.last_image_ids) {
    last[name] = id.empty() ? Json::object() : Json{{"imageID", id.str()}};
  }
  out.Add("lastContainerStatuses", last);
  out.AddUnlessEmpty("updateEnvFromMetadata", state.env_from_metadata);
  out.AddUnlessEmpty("updateResources", state.resources);
  out.AddUnlessEmpty("updateImages", state.images);
  out.AddUnlessEmpty("nextContainerImages", state.next_images);
  out.AddUnlessEmpty("nextContainerRefMetadata", ToJson(state.next_metadata));
  out.AddUnlessEmpty("nextContainerResources", ToJson(state.next_resources));
  if (!state.must_be_ready.empty()) {
    out.Add("preCheckBeforeNext", {{"containersRequiredReady", state.must_be_ready}});
  }
  if (!state.batches.empty()) {
    std::string list;
    for (const BatchRecord& batch : state.batches) {
      ObjectWriter entry;
      entry.Add("timestamp", api::FormatTime(batch.time));
      entry.Add("containers", batch.containers.empty() ? Json::array() : Json(batch.containers));
      absl::StrAppend(&list, list.empty() ? "" : ",", entry.Done());
    }
    out.AddRaw("containerBatchesRecord", absl::StrCat("[", list, "]"));
  }
  out.AddUnlessEmpty("lastContainerIDs", state.last_container_ids);
  out.AddUnlessEmpty("nextContainerRestarts", state.next_restarts);
  return out.Done();
}

absl::StatusOr<GraceDocument> ParseGrace(absl::string_view text) {
  absl::StatusOr<Json> tree = ParseObject(text, "in-place update grace");
  if (!tree.ok()) return tree.status();
  GraceDocument out;
  out.revision = std::string(json::String(*tree, "revision"));
  out.images = TextMap(*tree, "containerImages");
  out.metadata = MetadataMap(*tree, "containerRefMetadata");
  absl::StatusOr<std::map<std::string, Resources>> resources =
      ResourceMap(*tree, "containerResources");
  if (!resources.ok()) return resources.status();
  out.resources = *std::move(resources);
  if (const absl::string_view patch = json::String(*tree, "metaDataPatch"); !patch.empty()) {
    if (!absl::Base64Unescape(patch, &out.metadata_patch)) {
      return absl::InvalidArgumentError("in-place update grace: metaDataPatch is not base64");
    }
    out.has_metadata_patch = true;
  }
  out.env_from_metadata = json::Bool(*tree, {"updateEnvFromMetadata"});
  out.grace_seconds = static_cast<int32_t>(json::Int(*tree, "graceSeconds").value_or(0));
  out.restarts = TextList(json::Find(*tree, "containerRestarts"));
  return out;
}

std::string FormatGrace(const GraceDocument& grace) {
  ObjectWriter out;
  out.Add("revision", grace.revision);
  out.AddUnlessEmpty("containerImages", grace.images);
  out.AddUnlessEmpty("containerRefMetadata", ToJson(grace.metadata));
  out.AddUnlessEmpty("containerResources", ToJson(grace.resources));
  if (grace.has_metadata_patch) {
    out.Add("metaDataPatch", absl::Base64Escape(grace.metadata_patch));
  }
  out.AddUnlessEmpty("updateEnvFromMetadata", grace.env_from_metadata);
  if (grace.grace_seconds != 0) out.Add("graceSeconds", grace.grace_seconds);
  out.AddUnlessEmpty("containerRestarts", grace.restarts);
  return out.Done();
}

absl::StatusOr<std::vector<RuntimeMeta>> ParseRuntimeMeta(absl::string_view text) {
  absl::StatusOr<Json> tree = ParseObject(text, "runtime containers meta");
  if (!tree.ok()) return tree.status();
  std::vector<RuntimeMeta> out;
  const Json* list = json::Find(*tree, "containers");
  if (list == nullptr || !list->is_array()) return out;
  const auto hash = [](const Json& entry, absl::string_view key) -> uint64_t {
    const Json* value = json::Find(entry, {"hashes", key});
    return value != nullptr && value->is_number_integer() ? value->get<uint64_t>() : 0;
  };
  for (const Json& entry : *list) {
    out.push_back({std::string(json::String(entry, "name")),
                   std::string(json::String(entry, "containerID")),
                   static_cast<int32_t>(json::Int(entry, "restartCount").value_or(0)),
                   hash(entry, "plainHash"), hash(entry, "extractedEnvFromMetadataHash")});
  }
  return out;
}

std::string FormatRuntimeMeta(const std::vector<RuntimeMeta>& meta) {
  std::string list;
  for (const RuntimeMeta& entry : meta) {
    ObjectWriter hashes;
    hashes.Add("plainHash", entry.plain_hash);
    if (entry.env_hash != 0) hashes.Add("extractedEnvFromMetadataHash", entry.env_hash);
    ObjectWriter out;
    out.Add("name", entry.name);
    out.Add("containerID", entry.container_id);
    out.Add("restartCount", entry.restart_count);
    out.AddRaw("hashes", hashes.Done());
    absl::StrAppend(&list, list.empty() ? "" : ",", out.Done());
  }
  return absl::StrCat("{\"containers\":[", list, "]}");
}

}  // namespace rekindle::api
