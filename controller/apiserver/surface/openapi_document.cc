#include "controller/apiserver/surface/openapi_document.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/kinds/registry.h"
#include "common/api/schema/openapi.h"
#include "common/base/version.h"

namespace rekindle::apiserver {
namespace {

using api::KindInfo;

constexpr absl::string_view kMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.";
constexpr absl::string_view kRef = "#/components/schemas/";

Json Info() { return {{"title", "Rekindle"}, {"version", kVersion}}; }

Json Ref(absl::string_view name) { return {{"$ref", absl::StrCat(kRef, name)}}; }

Json KindOf(const KindInfo& info) {
  return {{"group", info.group}, {"version", info.version}, {"kind", info.kind}};
}

Json Parameter(absl::string_view name, absl::string_view in, absl::string_view type,
               absl::string_view doc) {
  Json out = {{"name", name}, {"in", in}, {"description", doc}, {"schema", {{"type", type}}}};
  if (in == "path") out["required"] = true;
  return out;
}

Json WriteParameters(bool patch) {
  Json out = {Parameter("dryRun", "query", "string", "All: nothing is stored."),
              Parameter("fieldManager", "query", "string", "Name of the one who writes."),
              Parameter("fieldValidation", "query", "string",
                        "What becomes of members that nobody knows: Ignore, Warn or Strict.")};
  if (patch) out.push_back(Parameter("force", "query", "boolean", "Takes members from others."));
  return out;
}

Json ListParameters() {
  return {Parameter("labelSelector", "query", "string", "Labels that objects must have."),
          Parameter("fieldSelector", "query", "string", "Fields that objects must have."),
          Parameter("limit", "query", "integer", "Objects on a page."),
          Parameter("continue", "query", "string", "Where the next page begins."),
          Parameter("resourceVersion", "query", "string", "State that is wanted."),
          Parameter("resourceVersionMatch", "query", "string", "How it is meant."),
          Parameter("timeoutSeconds", "query", "integer", "End of a watch."),
          Parameter("allowWatchBookmarks", "query", "boolean", "Whether a watch has bookmarks."),
          Parameter("sendInitialEvents", "query", "boolean", "Whether a watch begins with a list."),
          Parameter("watch", "query", "boolean", "Changes instead of a list.")};
}

Json DeleteParameters() {
  return {Parameter("dryRun", "query", "string", "All: nothing is deleted."),
          Parameter("gracePeriodSeconds", "query", "integer", "Time that the object has to end."),
          Parameter("propagationPolicy", "query", "string",
                    "What becomes of dependents: Orphan, Background or Foreground.")};
}

Json Body(absl::string_view schema, const std::vector<std::string>& types) {
  Json content = Json::object();
  for (const std::string& type : types) content[type] = {{"schema", Ref(schema)}};
  return {{"content", std::move(content)}};
}

class DocumentWriter {
 public:
  DocumentWriter(const Catalog& catalog, absl::string_view group, absl::string_view version)
      : catalog_(catalog), group_(group), version_(version) {}

  Json Write() {
    for (const ServedKind& kind : catalog_.kinds()) {
      if (kind.info->group != group_ || kind.info->version != version_) continue;
      infos_.push_back(kind.info);
      Paths(kind);
    }
    std::vector<const KindInfo*> all = infos_;
    for (const KindInfo& extra : extras_) all.push_back(&extra);
    Json schemas = api::ToComponents(all);
    for (const KindInfo* info : infos_) {
      if (!info->review) schemas[info->type->name + "List"] = ListSchema(*info);
    }
    schemas[absl::StrCat(kMeta, "ListMeta")] = {
        {"type", "object"},
        {"description", "What lists have beside their objects."},
        {"properties",
         {{"continue", {{"type", "string"}, {"description", "Where the next page begins."}}},
          {"remainingItemCount",
           {{"type", "integer"}, {"format", "int64"}, {"description", "Objects still to come."}}},
          {"resourceVersion", {{"type", "string"}, {"description", "State of the list."}}},
          {"selfLink", {{"type", "string"}, {"description", "No longer filled in."}}}}}};
    return {{"openapi", "3.0.0"},
            {"info", Info()},
            {"paths", std::move(paths_)},
            {"components", {{"schemas", std::move(schemas)}}}};
  }

 private:
  // A type that is sent to a path without being a kind of its own.
  std::string Extra(const std::string& group, const std::string& version, const std::string& kind) {
    const api::Type* type = api::Kinds().FindType(
        absl::StrCat("io.k8s.api.", group.empty() ? "core" : group, ".", version, ".", kind));
    if (type == nullptr) return "";
    for (const KindInfo& one : extras_) {
      if (one.type == type) return type->name;
    }
    KindInfo info;
    info.group = group;
    info.version = version;
    info.kind = kind;
    info.doc = type->doc;
    info.type = type;
    extras_.push_back(std::move(info));
    return type->name;
  }

  static Json ListSchema(const KindInfo& info) {
    Json kind = KindOf(info);
    kind["kind"] = info.list_kind;
    return {
        {"type", "object"},
        {"description", absl::StrCat("A list of ", info.plural, ".")},
        {"required", {"items"}},
        {"properties",
         {{"apiVersion", {{"type", "string"}, {"description", "Group and version."}}},
          {"kind", {{"type", "string"}, {"description", "What this list is."}}},
          {"metadata",
           {{"allOf", Json::array({Ref(absl::StrCat(kMeta, "ListMeta"))})},
            {"description", "State and pages of the list."}}},
          {"items",
           {{"type", "array"}, {"description", "The objects."}, {"items", Ref(info.type->name)}}}}},
        {"x-kubernetes-group-version-kind", Json::array({std::move(kind)})}};
  }

  static Json Operation(absl::string_view action, const Json& kind, absl::string_view answer,
                        Json parameters) {
    Json out = {{"x-kubernetes-action", action},
                {"x-kubernetes-group-version-kind", kind},
                {"responses",
                 {{"200",
                   {{"description", "OK"},
                    {"content", {{"application/json", {{"schema", Ref(answer)}}}}}}}}}};
    if (!parameters.empty()) out["parameters"] = std::move(parameters);
    return out;
  }

  static std::vector<std::string> PatchTypes(const ServedKind& kind) {
    std::vector<std::string> out = {"application/apply-patch+yaml", "application/json-patch+json",
                                    "application/merge-patch+json"};
    if (!kind.info->custom) out.emplace_back("application/strategic-merge-patch+json");
    return out;
  }

  void Paths(const ServedKind& kind) {
    const KindInfo& info = *kind.info;
    const std::string base = absl::StrCat("/", GroupVersionPath(group_, version_));
    const std::string own =
        absl::StrCat(base, info.namespaced ? "/namespaces/{namespace}/" : "/", info.plural);
    Json path_parameters = Json::array();
    if (info.namespaced) {
      path_parameters.push_back(Parameter("namespace", "path", "string", "The namespace."));
    }
    const std::string& name = info.type->name;
    const Json gvk = KindOf(info);
    Json collection = Json::object();
    Json object = Json::object();
    if (kind.HasVerb("list")) {
      collection["get"] = Operation("list", gvk, name + "List", ListParameters());
      if (info.namespaced) {
        paths_[absl::StrCat(base, "/", info.plural)]["get"] =
            Operation("list", gvk, name + "List", ListParameters());
      }
    }
    if (kind.HasVerb("create")) {
      collection["post"] = Operation("post", gvk, name, WriteParameters(false));
      collection["post"]["requestBody"] = Body(name, {"application/json", "application/yaml"});
    }
    if (kind.HasVerb("deletecollection")) {
      collection["delete"] = Operation("deletecollection", gvk, name + "List", DeleteParameters());
    }
    if (kind.HasVerb("get")) object["get"] = Operation("get", gvk, name, Json::array());
    if (kind.HasVerb("update")) {
      object["put"] = Operation("put", gvk, name, WriteParameters(false));
      object["put"]["requestBody"] = Body(name, {"application/json", "application/yaml"});
    }
    if (kind.HasVerb("patch")) {
      object["patch"] = Operation("patch", gvk, name, WriteParameters(true));
      object["patch"]["requestBody"] = Body(name, PatchTypes(kind));
    }
    if (kind.HasVerb("delete")) {
      object["delete"] = Operation("delete", gvk, name, DeleteParameters());
    }
    if (!path_parameters.empty()) collection["parameters"] = path_parameters;
    path_parameters.push_back(Parameter("name", "path", "string", "Name of the object."));
    paths_[own] = std::move(collection);
    if (object.empty()) return;
    object["parameters"] = path_parameters;
    paths_[own + "/{name}"] = std::move(object);
    for (const Subresource& part : kind.subresources) {
      Json& path = paths_[absl::StrCat(own, "/{name}/", part.name)];
      path = PartPath(kind, part);
      path["parameters"] = path_parameters;
    }
  }

  Json PartPath(const ServedKind& kind, const Subresource& part) {
    const KindInfo& info = *kind.info;
    const bool own = part.version.empty();
    const std::string name = own ? info.type->name : Extra(part.group, part.version, part.kind);
    const Json gvk =
        own ? KindOf(info)
            : Json{{"group", part.group}, {"version", part.version}, {"kind", part.kind}};
    Json out = Json::object();
    for (const std::string& verb : part.verbs) {
      if (verb == "get") out["get"] = Operation("get", gvk, name, Json::array());
      if (verb == "create" || verb == "update") {
        const char* method = verb == "create" ? "post" : "put";
        out[method] = Operation(method, gvk, name, WriteParameters(false));
        out[method]["requestBody"] = Body(name, {"application/json", "application/yaml"});
      }
      if (verb == "patch") {
        out["patch"] = Operation("patch", gvk, name, WriteParameters(true));
        out["patch"]["requestBody"] = Body(name, PatchTypes(kind));
      }
    }
    return out;
  }

  const Catalog& catalog_;
  const absl::string_view group_;
  const absl::string_view version_;
  std::vector<const KindInfo*> infos_;
  std::vector<KindInfo> extras_;
  Json paths_ = Json::object();
};

// ---- version 2

// Clients of that time take a member that they do not find described for an error, so custom
// objects that may hold more are described as objects of anything.
Json SchemaV2(const Json& schema, bool platform) {
  if (!schema.is_object()) return schema;
  Json out = Json::object();
  const auto ref = [](const Json& one) {
    const std::string text = one["$ref"];
    return "#/definitions/" + text.substr(text.rfind('/') + 1);
  };
  const bool open = !platform && schema.value("x-kubernetes-preserve-unknown-fields", false);
  for (const auto& [key, value] : schema.items()) {
    if (key == "$ref") {
      out[key] = ref(schema);
    } else if (key == "allOf") {
      if (value.size() == 1 && value[0].contains("$ref")) out["$ref"] = ref(value[0]);
    } else if (key == "properties") {
      if (open) continue;
      for (const auto& [name, below] : value.items()) out[key][name] = SchemaV2(below, platform);
    } else if (key == "items" || key == "additionalProperties") {
      out[key] = SchemaV2(value, platform);
    } else if (key == "required") {
      if (!open) out[key] = value;
    } else if (key == "type" || key == "format" || key == "description" ||
               (key.starts_with("x-kubernetes-") && key != "x-kubernetes-preserve-unknown-fields" &&
                key != "x-kubernetes-embedded-resource")) {
      out[key] = value;
    }
  }
  return out;
}

Json PathV2(const Json& path) {
  Json out = Json::object();
  for (const char* method : {"get", "put", "post", "delete", "patch"}) {
    const auto operation = path.find(method);
    if (operation == path.end()) continue;
    Json one = {
        {"x-kubernetes-action", (*operation)["x-kubernetes-action"]},
        {"x-kubernetes-group-version-kind", (*operation)["x-kubernetes-group-version-kind"]},
        {"produces", {"application/json"}},
        {"responses", {{"200", {{"description", "OK"}}}}}};
    if (operation->contains("requestBody")) {
      for (const auto& [type, ignored] : (*operation)["requestBody"]["content"].items()) {
        one["consumes"].push_back(type);
      }
    }
    for (const Json& parameter : operation->value("parameters", Json::array())) {
      one["parameters"].push_back({{"name", parameter["name"]},
                                   {"in", parameter["in"]},
                                   {"type", parameter["schema"]["type"]},
                                   {"description", parameter["description"]}});
    }
    out[method] = std::move(one);
  }
  for (const Json& parameter : path.value("parameters", Json::array())) {
    out["parameters"].push_back({{"name", parameter["name"]},
                                 {"in", "path"},
                                 {"required", true},
                                 {"type", "string"},
                                 {"description", parameter["description"]}});
  }
  return out;
}

}  // namespace

std::string GroupVersionPath(absl::string_view group, absl::string_view version) {
  return group.empty() ? absl::StrCat("api/", version) : absl::StrCat("apis/", group, "/", version);
}

std::vector<std::pair<std::string, std::string>> GroupVersionsOf(const Catalog& catalog) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const ServedKind& kind : catalog.kinds()) {
    std::pair<std::string, std::string> one(kind.info->group, kind.info->version);
    if (std::find(out.begin(), out.end(), one) == out.end()) out.push_back(std::move(one));
  }
  return out;
}

Json OpenApiV3(const Catalog& catalog, absl::string_view group, absl::string_view version) {
  return DocumentWriter(catalog, group, version).Write();
}

Json OpenApiV2(const Catalog& catalog) {
  Json paths = Json::object();
  Json definitions = Json::object();
  for (const auto& [group, version] : GroupVersionsOf(catalog)) {
    const Json document = OpenApiV3(catalog, group, version);
    for (const auto& [path, operations] : document["paths"].items()) {
      paths[path] = PathV2(operations);
    }
    for (const auto& [name, schema] : document["components"]["schemas"].items()) {
      definitions[name] = SchemaV2(schema, name.starts_with("io.k8s."));
    }
  }
  return {{"swagger", "2.0"},
          {"info", Info()},
          {"paths", std::move(paths)},
          {"definitions", std::move(definitions)}};
}

}  // namespace rekindle::apiserver
