#include <functional>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "controller/apiserver/surface/openapi_document.h"
#include "controller/apiserver/surface/openapi_proto.h"
#include "tests/controller/apiserver/catalog/widget.h"

namespace rekindle::apiserver {
namespace {

using testing::StartsWith;

bool HasParameter(const Json& operation, const std::string& name) {
  for (const Json& one : operation.value("parameters", Json::array())) {
    if (one.value("name", "") == name) return true;
  }
  return false;
}

// Every $ref leads to a member of `at`.
void ExpectReferencesLead(const Json& document, const std::string& at) {
  const Json& schemas = document[Json::json_pointer(at)];
  const std::function<void(const Json&)> walk = [&](const Json& tree) {
    if (tree.is_object() && tree.contains("$ref") && tree["$ref"].is_string()) {
      const std::string ref = tree["$ref"];
      EXPECT_THAT(ref, StartsWith("#" + at + "/"));
      EXPECT_TRUE(schemas.contains(ref.substr(ref.rfind('/') + 1))) << ref;
    }
    for (const Json& below : tree) {
      if (below.is_structured()) walk(below);
    }
  };
  walk(document);
}

TEST(OpenApi, WhatKubectlLooksForInEachVersion) {
  const auto catalog = Catalog::Make({WidgetDefinition()});
  for (const auto& pair : GroupVersionsOf(*catalog)) {
    SCOPED_TRACE(pair.first + "/" + pair.second);
    const Json document = OpenApiV3(*catalog, pair.first, pair.second);
    EXPECT_EQ(document["openapi"], "3.0.0");
    ExpectReferencesLead(document, "/components/schemas");
    for (const ServedKind& kind : catalog->kinds()) {
      if (kind.info->group != pair.first || kind.info->version != pair.second) continue;
      const Json gvk = {{"group", pair.first}, {"version", pair.second}, {"kind", kind.info->kind}};
      // Its schema says so in a list.
      EXPECT_EQ(document["components"]["schemas"][kind.info->type->name]
                        ["x-kubernetes-group-version-kind"],
                Json::array({gvk}));
      if (kind.info->review) continue;
      // A patch operation with its kind, in an object, that knows fieldValidation and dryRun.
      bool found = false;
      for (const Json& path : document["paths"]) {
        if (!path.contains("patch")) continue;
        const Json& patch = path["patch"];
        if (patch["x-kubernetes-group-version-kind"] != gvk) continue;
        found = true;
        EXPECT_TRUE(HasParameter(patch, "fieldValidation"));
        EXPECT_TRUE(HasParameter(patch, "dryRun"));
        EXPECT_EQ(
            patch["requestBody"]["content"].contains("application/strategic-merge-patch+json"),
            !kind.info->custom);
      }
      EXPECT_TRUE(found) << kind.info->kind;
    }
  }
}

TEST(OpenApi, AUsersKind) {
  const auto catalog = Catalog::Make({WidgetDefinition()});
  const Json document = OpenApiV3(*catalog, "example.io", "v1");
  const Json& widget = document["components"]["schemas"]["io.example.v1.Widget"];
  EXPECT_EQ(widget["description"], "A toy.");
  EXPECT_EQ(widget["properties"]["spec"]["properties"]["color"]["description"], "Its color.");
  EXPECT_TRUE(
      document["paths"].contains("/apis/example.io/v1/namespaces/{namespace}/widgets/{name}"));
  EXPECT_TRUE(document["paths"].contains("/apis/example.io/v1/widgets"));
  EXPECT_EQ(document["paths"]["/apis/example.io/v1/namespaces/{namespace}/widgets/{name}/scale"]
                    ["patch"]["x-kubernetes-group-version-kind"]["kind"],
            "Scale");
  EXPECT_TRUE(document["components"]["schemas"].contains("io.k8s.api.autoscaling.v1.Scale"));
  EXPECT_TRUE(document["components"]["schemas"].contains("io.example.v1.WidgetList"));
}

TEST(OpenApi, Version2) {
  const auto catalog = Catalog::Make({WidgetDefinition()});
  const Json document = OpenApiV2(*catalog);
  EXPECT_EQ(document["swagger"], "2.0");
  ExpectReferencesLead(document, "/definitions");
  const Json& widget = document["definitions"]["io.example.v1.Widget"];
  // More than is described may be there, and old clients would call it an error.
  EXPECT_FALSE(widget["properties"]["spec"]["properties"]["free"].contains("properties"));
  EXPECT_EQ(widget["properties"]["metadata"]["$ref"],
            "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
  EXPECT_TRUE(document["definitions"]["io.k8s.api.core.v1.PodStatus"].contains("properties"));
  const Json& patch =
      document["paths"]["/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}"]["patch"];
  EXPECT_TRUE(HasParameter(patch, "dryRun"));
  EXPECT_EQ(patch["x-kubernetes-group-version-kind"]["kind"], "StatefulSet");
  // Nothing that the parser of those clients does not know. (Names of members are free.)
  const std::function<void(const Json&)> look = [&](const Json& schema) {
    for (const auto& [key, value] : schema.items()) {
      if (key == "properties") {
        for (const Json& below : value) look(below);
      } else if (key == "items" || key == "additionalProperties") {
        look(value);
      } else {
        EXPECT_TRUE(key == "$ref" || key == "type" || key == "format" || key == "description" ||
                    key == "required" || key.rfind("x-kubernetes-", 0) == 0)
            << key;
      }
    }
  };
  for (const Json& schema : document["definitions"]) look(schema);
}

// A field of the wire format, enough of it to look inside.
std::vector<std::pair<int, std::string>> Fields(absl::string_view bytes) {
  std::vector<std::pair<int, std::string>> out;
  const auto varint = [&] {
    uint64_t value = 0;
    for (int shift = 0; !bytes.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes[0]);
      bytes.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (!bytes.empty()) {
    const uint64_t tag = varint();
    if ((tag & 7) == 0) {
      out.emplace_back(static_cast<int>(tag >> 3), std::to_string(varint()));
      continue;
    }
    EXPECT_EQ(tag & 7, 2u);
    const uint64_t size = varint();
    EXPECT_LE(size, bytes.size());
    out.emplace_back(static_cast<int>(tag >> 3), std::string(bytes.substr(0, size)));
    bytes.remove_prefix(std::min<size_t>(size, bytes.size()));
  }
  return out;
}

std::string First(const std::string& bytes, std::initializer_list<int> path) {
  std::string at = bytes;
  for (const int number : path) {
    std::string next;
    for (const auto& one : Fields(at)) {
      if (one.first == number) {
        next = one.second;
        break;
      }
    }
    at = next;
  }
  return at;
}

TEST(OpenApi, Version2InProtobuf) {
  // The smallest document (spec kubernetes-api 17.2), with empty definitions.
  const std::string small = EncodeOpenApiV2(Json::parse(
      R"({"swagger":"2.0","info":{"title":"Mock","version":"v1"},"paths":{},"definitions":{}})"));
  EXPECT_EQ(small, std::string("\x0a\x03"
                               "2.0\x12\x0a\x0a\x04Mock\x12\x02v1\x42\x00\x4a\x00",
                               21));
  const std::string bytes = EncodeOpenApiV2(Json::parse(R"({
      "swagger":"2.0","info":{"title":"t","version":"v"},
      "paths":{"/a":{"patch":{"x-kubernetes-group-version-kind":{"kind":"A"},
        "consumes":["c"],"parameters":[{"name":"dryRun","in":"query","type":"string"}]}}},
      "definitions":{"A":{"type":"object","description":"d","required":["r"],
        "x-kubernetes-patch-merge-key":"name",
        "properties":{"p":{"$ref":"#/definitions/B"}},
        "additionalProperties":{"type":"string"},"items":{"type":"integer","format":"int32"}}}})"));
  const std::string operation = First(bytes, {8, 2, 2, 8});
  EXPECT_EQ(First(bytes, {8, 2, 1}), "/a");
  EXPECT_EQ(First(operation, {7}), "c");
  EXPECT_EQ(First(operation, {8, 1, 2, 3, 4}), "dryRun");
  EXPECT_EQ(First(operation, {13, 1}), "x-kubernetes-group-version-kind");
  EXPECT_EQ(First(operation, {13, 2, 2}), R"({"kind":"A"})");
  EXPECT_EQ(First(bytes, {9, 1, 1}), "A");
  const std::string schema = First(bytes, {9, 1, 2});
  EXPECT_EQ(First(schema, {4}), "d");
  EXPECT_EQ(First(schema, {19}), "r");
  EXPECT_EQ(First(schema, {22, 1}), "object");
  EXPECT_EQ(First(schema, {25, 1, 1}), "p");
  EXPECT_EQ(First(schema, {25, 1, 2, 1}), "#/definitions/B");
  EXPECT_EQ(First(schema, {21, 1, 22, 1}), "string");
  EXPECT_EQ(First(schema, {23, 1, 2}), "int32");
  EXPECT_EQ(First(schema, {31, 2, 2}), "\"name\"");
}

}  // namespace
}  // namespace rekindle::apiserver
