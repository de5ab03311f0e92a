#include "controller/apiserver/surface/server_surface.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include <nlohmann/json.hpp>

#include "common/api/status.h"
#include "common/base/version.h"
#include "common/json/tree.h"
#include "controller/apiserver/surface/accept.h"
#include "controller/apiserver/surface/discovery.h"
#include "controller/apiserver/surface/documents.h"
#include "controller/apiserver/surface/openapi_document.h"
#include "controller/apiserver/surface/openapi_proto.h"
#include "controller/apiserver/surface/protobuf.h"
#include "controller/apiserver/surface/table.h"

namespace rekindle::apiserver {
namespace {

constexpr absl::string_view kJson = "application/json";
constexpr absl::string_view kDiscoveryGroup = "apidiscovery.k8s.io";
constexpr absl::string_view kDiscoveryKind = "APIGroupDiscoveryList";
// What clients ask for has an '@', which their own readers of answers refuse (spec 17.2).
constexpr absl::string_view kProtoV2Asked =
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
constexpr absl::string_view kProtoV2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
// The version whose behaviour clients may expect.
constexpr absl::string_view kMinor = "32";

std::string VersionText() {
  return json::Dump({{"major", "1"},
                     {"minor", kMinor},
                     {"gitVersion", absl::StrCat("v1.", kMinor, ".0+rekindle.", kVersion)},
                     {"gitCommit", ""},
                     {"gitTreeState", "clean"},
                     {"buildDate", "1970-01-01T00:00:00Z"},
                     {"goVersion", ""},
                     {"compiler", "c++"},
                     {"platform", "linux/amd64"}});
}

HttpReply NotAcceptable(const std::vector<std::string>& accepted) {
  HttpReply out;
  out.status = 406;
  out.body = json::Dump(api::ErrorToJson(api::NotAcceptable(accepted)));
  return out;
}

bool AcceptsJson(const std::vector<MediaType>& accept) {
  for (const MediaType& one : accept) {
    // `as=` asks for another form than the plain one.
    if (one.Includes(kJson) && one.Parameter("as").empty()) return true;
  }
  return false;
}

// Which form of discovery is wanted: "v2", "v2beta1", "" for the old one; nullopt: none of them.
std::optional<std::string> DiscoveryForm(const std::vector<MediaType>& accept) {
  for (const MediaType& one : accept) {
    if (!one.Includes(kJson)) continue;
    const absl::string_view as = one.Parameter("as");
    if (as.empty()) return "";
    const absl::string_view version = one.Parameter("v");
    if (as == kDiscoveryKind && one.Parameter("g") == kDiscoveryGroup &&
        (version == "v2" || version == "v2beta1")) {
      return std::string(version);
    }
  }
  return std::nullopt;
}

// Whether an If-None-Match header names this hash.
bool Has(absl::string_view if_none_match, absl::string_view hash) {
  for (absl::string_view one : absl::StrSplit(if_none_match, ',')) {
    one = absl::StripAsciiWhitespace(one);
    if (one == "*") return true;
    absl::ConsumePrefix(&one, "W/");
    if (absl::ConsumePrefix(&one, "\"") && absl::ConsumeSuffix(&one, "\"") && one == hash) {
      return true;
    }
  }
  return false;
}

HttpReply ReplyOf(const Document& document, absl::string_view content_type,
                  absl::string_view if_none_match) {
  HttpReply out;
  out.content_type = std::string(content_type);
  out.headers = {{"ETag", absl::StrCat("\"", document.hash, "\"")}, {"Vary", "Accept"}};
  if (Has(if_none_match, document.hash)) {
    out.status = 304;
  } else {
    out.body = document.body;
  }
  return out;
}

// What a path asks for. Empty parts (doubled slashes) are no paths of ours.
std::vector<std::string> Parts(absl::string_view path) {
  if (!absl::ConsumePrefix(&path, "/")) return {};
  absl::ConsumeSuffix(&path, "/");
  return absl::StrSplit(path, '/');
}

class Answerer {
 public:
  Answerer(const Catalog& catalog, Documents& documents, absl::string_view accept,
           absl::string_view if_none_match)
      : catalog_(catalog),
        documents_(documents),
        accept_(ParseAccept(accept)),
        if_none_match_(if_none_match) {}

  std::optional<HttpReply> Answer(absl::string_view path) {
    const std::vector<std::string> parts = Parts(path);
    if (parts.empty()) return std::nullopt;
    if (parts[0] == "version" && parts.size() == 1) return Plain("/version", VersionText);
    if (parts[0] == "openapi" && parts.size() > 1) return OpenApi(parts);
    if (parts[0] == "api") {
      if (parts.size() == 1) return Discovery(/*core=*/true);
      if (parts.size() == 2 && catalog_.HasGroupVersion("", parts[1]))
        return Resources("", parts[1]);
      return std::nullopt;
    }
    if (parts[0] != "apis") return std::nullopt;
    if (parts.size() == 1) return Discovery(/*core=*/false);
    if (parts.size() == 2) return Group(parts[1]);
    if (parts.size() == 3 && !parts[1].empty() && catalog_.HasGroupVersion(parts[1], parts[2])) {
      return Resources(parts[1], parts[2]);
    }
    return std::nullopt;
  }

 private:
  HttpReply Plain(const std::string& name, absl::FunctionRef<std::string()> make) {
    if (!AcceptsJson(accept_)) return NotAcceptable({std::string(kJson)});
    return ReplyOf(*documents_.Get(name, make), kJson, if_none_match_);
  }

  HttpReply Discovery(bool core) {
    const std::optional<std::string> form = DiscoveryForm(accept_);
    if (!form.has_value()) return NotAcceptable({std::string(kJson)});
    const std::string name = absl::StrCat(core ? "/api" : "/apis", " ", *form);
    if (form->empty()) {
      const auto document = documents_.Get(
          name, [&] { return json::Dump(core ? LegacyVersions() : GroupList(catalog_)); });
      return ReplyOf(*document, kJson, if_none_match_);
    }
    const auto document = documents_.Get(
        name, [&] { return json::Dump(AggregatedDiscovery(catalog_, core, *form)); });
    return ReplyOf(
        *document,
        absl::StrCat(kJson, ";g=", kDiscoveryGroup, ";v=", *form, ";as=", kDiscoveryKind),
        if_none_match_);
  }

  std::optional<HttpReply> Group(const std::string& name) {
    for (const GroupVersions& group : GroupsOf(catalog_)) {
      if (group.group != name) continue;
      return Plain("/apis/" + name, [&] { return json::Dump(GroupDocument(group)); });
    }
    return std::nullopt;
  }

  HttpReply Resources(const std::string& group, const std::string& version) {
    return Plain("/" + GroupVersionPath(group, version),
                 [&] { return json::Dump(ResourceList(catalog_, group, version)); });
  }

  std::optional<HttpReply> OpenApi(const std::vector<std::string>& parts) {
    if (parts[1] == "v2" && parts.size() == 2) return OpenApi2();
    if (parts[1] != "v3") return std::nullopt;
    if (parts.size() == 2) return Plain("/openapi/v3", [&] { return Index(); });
    std::string group;
    if (parts[2] == "apis" && parts.size() == 5) {
      group = parts[3];
      if (group.empty()) return std::nullopt;
    } else if (parts[2] != "api" || parts.size() != 4) {
      return std::nullopt;
    }
    if (!catalog_.HasGroupVersion(group, parts.back())) return std::nullopt;
    if (!AcceptsJson(accept_)) return NotAcceptable({std::string(kJson)});
    return ReplyOf(*Version3(group, parts.back()), kJson, if_none_match_);
  }

  std::shared_ptr<const Document> Version3(const std::string& group, const std::string& version) {
    return documents_.Get("/openapi/v3/" + GroupVersionPath(group, version),
                          [&] { return json::Dump(OpenApiV3(catalog_, group, version)); });
  }

  std::string Index() {
    Json paths = Json::object();
    for (const auto& pair : GroupVersionsOf(catalog_)) {
      const std::string path = GroupVersionPath(pair.first, pair.second);
      paths[path] = {{"serverRelativeURL", absl::StrCat("/openapi/v3/", path, "?hash=",
                                                        Version3(pair.first, pair.second)->hash)}};
    }
    return json::Dump({{"paths", std::move(paths)}});
  }

  HttpReply OpenApi2() {
    // Clients that read the protobuf form name it first.
    for (const MediaType& one : accept_) {
      if (one.Includes(kJson)) {
        const auto document =
            documents_.Get("/openapi/v2", [&] { return json::Dump(OpenApiV2(catalog_)); });
        return ReplyOf(*document, kJson, if_none_match_);
      }
      if (one.Name() != kProtoV2Asked && one.Name() != kProtoV2) continue;
      const auto document = documents_.Get("/openapi/v2 protobuf",
                                           [&] { return EncodeOpenApiV2(OpenApiV2(catalog_)); });
      return ReplyOf(*document, kProtoV2, if_none_match_);
    }
    return NotAcceptable({std::string(kJson), std::string(kProtoV2Asked)});
  }

  const Catalog& catalog_;
  Documents& documents_;
  const std::vector<MediaType> accept_;
  const absl::string_view if_none_match_;
};

}  // namespace

ServerSurface::ServerSurface(std::function<absl::Time()> now) : now_(std::move(now)) {}
ServerSurface::~ServerSurface() = default;

std::shared_ptr<Documents> ServerSurface::Of(const Catalog& catalog) const {
  MutexLock lock(&mutex_);
  // 0 is the number of catalogs that have none of their own.
  if (documents_ == nullptr || catalog.id() == 0 || documents_->catalog() < catalog.id()) {
    documents_ = std::make_shared<Documents>(catalog.id());
  }
  // A request that still holds an older catalog.
  if (documents_->catalog() != catalog.id()) return std::make_shared<Documents>(catalog.id());
  return documents_;
}

std::optional<HttpReply> ServerSurface::Get(const Catalog& catalog, absl::string_view path,
                                            absl::string_view accept,
                                            absl::string_view if_none_match) const {
  const std::shared_ptr<Documents> documents = Of(catalog);
  return Answerer(catalog, *documents, accept, if_none_match).Answer(path);
}

absl::StatusOr<Json> ServerSurface::ToTable(const ServedKind& kind, const Json& object_or_list,
                                            absl::string_view version, IncludeObject include,
                                            bool columns) const {
  return MakeTable(kind, object_or_list, version, include, columns, now_());
}

absl::StatusOr<Json> ServerSurface::DecodeProtobuf(absl::string_view bytes) const {
  return apiserver::DecodeProtobuf(bytes);
}

}  // namespace rekindle::apiserver
