#include "controller/apiserver/surface/server_surface.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/controller/apiserver/catalog/widget.h"

namespace rekindle::apiserver {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kAggregated[] =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

std::string HeaderOf(const HttpReply& reply, const std::string& name) {
  for (const auto& [key, value] : reply.headers) {
    if (key == name) return value;
  }
  return "";
}

class ServerSurfaceTest : public testing::Test {
 protected:
  HttpReply Get(const std::string& path, const std::string& accept = "application/json, */*",
                const std::string& etag = "") {
    const auto reply = surface_.Get(*catalog_, path, accept, etag);
    EXPECT_TRUE(reply.has_value()) << path;
    return reply.value_or(HttpReply());
  }
  Json Document(const std::string& path) { return Json::parse(Get(path).body, nullptr, false); }

  std::shared_ptr<const Catalog> catalog_ = Catalog::Make({WidgetDefinition()});
  ServerSurface surface_;
};

TEST_F(ServerSurfaceTest, Paths) {
  EXPECT_EQ(Document("/api")["kind"], "APIVersions");
  EXPECT_EQ(Document("/apis")["kind"], "APIGroupList");
  EXPECT_EQ(Document("/apis/apps")["kind"], "APIGroup");
  EXPECT_EQ(Document("/api/v1")["groupVersion"], "v1");
  EXPECT_EQ(Document("/apis/apps/v1")["groupVersion"], "apps/v1");
  EXPECT_EQ(Document("/apis/example.io/v1")["resources"][0]["name"], "widgets");
  EXPECT_EQ(Document("/version")["minor"], "32");
  EXPECT_THAT(std::string(Document("/version")["gitVersion"]), HasSubstr("v1.32.0"));
  EXPECT_EQ(Document("/api/")["kind"], "APIVersions");
  for (const char* path :
       {"", "/", "api", "/api/v2", "/apis/nothing", "/apis/apps/v9", "/apis/example.io/v1/widgets",
        "/apis//v1", "//api", "/api//v1", "/openapi", "/openapi/v4", "/openapi/v3/api",
        "/openapi/v3/api/v2", "/openapi/v3/apis/apps", "/openapi/v3/apis//v1", "/version/x",
        "/openapi/v3/apis/apps/v1/x"}) {
    EXPECT_FALSE(surface_.Get(*catalog_, path, "", "").has_value()) << path;
  }
}

TEST_F(ServerSurfaceTest, FormsOfDiscovery) {
  for (const char* path : {"/api", "/apis"}) {
    const HttpReply aggregated = Get(path, kAggregated);
    EXPECT_EQ(aggregated.content_type,
              "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
    EXPECT_EQ(Json::parse(aggregated.body)["apiVersion"], "apidiscovery.k8s.io/v2");
    EXPECT_EQ(HeaderOf(aggregated, "Vary"), "Accept");
    // Clients up to 1.29 know only this one.
    const HttpReply beta =
        Get(path,
            "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/"
            "json");
    EXPECT_THAT(beta.content_type, HasSubstr("v=v2beta1"));
    EXPECT_EQ(Json::parse(beta.body)["apiVersion"], "apidiscovery.k8s.io/v2beta1");
    const HttpReply old = Get(path, "application/json, */*");
    EXPECT_EQ(old.content_type, "application/json");
    EXPECT_FALSE(Json::parse(old.body).contains("items"));
    // A form that nobody knows, then the plain one.
    EXPECT_EQ(Get(path,
                  "application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList,"
                  "application/json")
                  .content_type,
              "application/json");
    EXPECT_EQ(Get(path, "text/html").status, 406);
    EXPECT_EQ(Get(path, "application/json;as=Table;v=v1;g=meta.k8s.io").status, 406);
  }
  EXPECT_EQ(Json::parse(Get("/api", "text/html").body)["reason"], "NotAcceptable");
}

TEST_F(ServerSurfaceTest, HashesAndConditions) {
  const HttpReply first = Get("/apis");
  const std::string etag = HeaderOf(first, "ETag");
  ASSERT_EQ(etag.size(), 66u);
  const HttpReply again = Get("/apis", "application/json", etag);
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(HeaderOf(again, "ETag"), etag);
  EXPECT_EQ(Get("/apis", "application/json", "\"A\", W/" + etag).status, 304);
  EXPECT_EQ(Get("/apis", "application/json", "*").status, 304);
  EXPECT_EQ(Get("/apis", "application/json", "\"A\"").status, 200);
  EXPECT_NE(HeaderOf(Get("/apis", kAggregated), "ETag"), etag);
  // Another catalog, another text; the first one's requests go on.
  const auto other = Catalog::Make({});
  const auto reply = surface_.Get(*other, "/apis", "application/json", etag);
  EXPECT_EQ(reply->status, 200);
  EXPECT_THAT(reply->body, Not(HasSubstr("example.io")));
  EXPECT_EQ(Get("/apis").body, first.body);
}

TEST_F(ServerSurfaceTest, OpenApiIndexNamesTheHashes) {
  const Json index = Document("/openapi/v3");
  for (const char* path :
       {"api/v1", "apis/apps/v1", "apis/example.io/v1", "apis/apps.kruise.io/v1alpha1"}) {
    ASSERT_TRUE(index["paths"].contains(path)) << path;
    const std::string url = index["paths"][path]["serverRelativeURL"];
    const HttpReply document = Get("/openapi/v3/" + std::string(path), "application/json");
    EXPECT_EQ("\"" + url.substr(url.find('=') + 1) + "\"", HeaderOf(document, "ETag"));
    EXPECT_EQ(Json::parse(document.body)["openapi"], "3.0.0");
  }
}

TEST_F(ServerSurfaceTest, OpenApiVersion2HasTwoForms) {
  EXPECT_EQ(Document("/openapi/v2")["swagger"], "2.0");
  const HttpReply proto =
      Get("/openapi/v2", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf");
  EXPECT_EQ(proto.content_type, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
  EXPECT_EQ(proto.body.substr(0, 5),
            "\x0a\x03"
            "2.0");
  EXPECT_EQ(Get("/openapi/v2", "text/html").status, 406);
}

TEST_F(ServerSurfaceTest, TablesAndProtobuf) {
  const ServedKind* kind = catalog_->FindResource("", "v1", "namespaces");
  const auto table = surface_.ToTable(*kind, Json::parse(R"({"metadata":{"name":"a"}})"), "v1",
                                      IncludeObject::kNone, true);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ((*table)["rows"][0]["cells"][0], "a");
  EXPECT_FALSE(surface_.DecodeProtobuf("{}").ok());
}

}  // namespace
}  // namespace rekindle::apiserver
