#include "controller/apiserver/rest/api_handler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include <nlohmann/json.hpp>

#include "common/api/schema/yaml_text.h"
#include "common/base/status_macros.h"
#include "common/json/parse.h"
#include "common/json/tree.h"
#include "controller/apiserver/rest/call_builder.h"
#include "controller/apiserver/rest/presentation.h"

namespace rekindle::apiserver {
namespace {

// A watch without timeoutSeconds ends after half an hour to an hour (spec 6.5).
constexpr uint32_t kLeastWatchSeconds = 1800;

HttpReply NoSuchPath() {
  return {
      .status = 404, .content_type = "text/plain; charset=utf-8", .body = "404 page not found\n"};
}

// A path below a group version that is served, of a resource or subresource that is not.
absl::Status NoSuchResource() {
  api::ApiError error;
  error.code = 404;
  error.reason = "NotFound";
  error.message = "the server could not find the requested resource";
  return api::ToStatus(error);
}

absl::Status NotAllowed() { return api::ToStatus(api::MethodNotAllowed()); }

absl::string_view PathVerb(absl::string_view method) {
  if (method == "GET" || method == "HEAD") return "get";
  if (method == "POST") return "post";
  if (method == "PUT") return "put";
  if (method == "PATCH") return "patch";
  return method == "DELETE" ? "delete" : "options";
}

// What is asked for, whether there is such a thing or not.
Attributes Wanted(absl::string_view method, const Target& target,
                  const std::optional<ResourcePath>& path) {
  Attributes wanted;
  const std::optional<Verb> verb =
      path.has_value() ? VerbOf(method, *path, target.Flag("watch")) : std::nullopt;
  if (!path.has_value()) {
    wanted.verb = std::string(PathVerb(method));
    wanted.path = target.path;
    return wanted;
  }
  // A method that objects do not have is still somebody's wish to read or to change them.
  wanted.verb = std::string(verb.has_value() ? VerbName(*verb) : PathVerb(method));
  wanted.group = path->group;
  wanted.resource = path->plural;
  wanted.subresource = path->subresource;
  wanted.name_space = path->name_space;
  wanted.name = path->name;
  // Rights in a namespace's own object are those in the namespace (as real servers name them).
  if (path->plural == "namespaces" && path->group.empty()) wanted.name_space = path->name;
  return wanted;
}

bool WantsPretty(const HttpRequest& request, const Target& target) {
  if (!target.Parameter("pretty").empty()) return target.Flag("pretty");
  const absl::string_view agent = request.Header("user-agent");
  return absl::StartsWith(agent, "curl") || absl::StartsWith(agent, "Wget") ||
         absl::StartsWith(agent, "Mozilla/5.0");
}

std::string WarningText(absl::string_view text) {
  return absl::StrCat(
      "299 - \"",
      absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", " "}, {"\r", " "}}), "\"");
}

bool IsReview(const api::KindInfo& info) {
  return (info.group == "authorization.k8s.io" && (info.plural == "selfsubjectaccessreviews" ||
                                                   info.plural == "selfsubjectrulesreviews")) ||
         (info.group == "authentication.k8s.io" && info.plural == "selfsubjectreviews");
}

}  // namespace

HttpReply ApiHandler::ErrorReply(const api::ApiError& error) {
  HttpReply reply{.status = error.code, .body = json::Dump(api::ErrorToJson(error)) + "\n"};
  // A client tries again by itself only when this header is there (spec 12.2).
  const int seconds =
      error.code == 503 ? std::max(error.retry_after_seconds, 1) : error.retry_after_seconds;
  if (seconds > 0) reply.headers.emplace_back("Retry-After", absl::StrCat(seconds));
  return reply;
}

std::optional<HttpReply> ApiHandler::Health(const HttpRequest& request) const {
  const std::string path = request.target.substr(0, request.target.find('?'));
  if (path != "/healthz" && path != "/livez" && path != "/readyz") return std::nullopt;
  if (request.method != "GET") return ErrorReply(api::MethodNotAllowed());
  HttpReply reply{.content_type = "text/plain; charset=utf-8", .body = "ok"};
  if (stopping_ && path == "/readyz") {
    reply.status = 503;
    reply.body = "the server is stopping";
  }
  return reply;
}

HttpReply ApiHandler::StatusReply(const absl::Status& status) {
  if (const std::optional<api::ApiError> error = api::FromStatus(status)) {
    return ErrorReply(*error);
  }
  return ErrorReply(absl::IsUnavailable(status) ? api::ServiceUnavailable(status.message())
                                                : api::InternalError(status.message()));
}

ApiHandler::Outcome ApiHandler::Handle(const HttpRequest& request) {
  const absl::Time start = absl::Now();
  ServerMetrics::Asked asked;
  absl::StatusOr<Outcome> routed = Route(request, asked);
  Outcome outcome = routed.ok() ? *std::move(routed) : StatusReply(routed.status());
  if (options_.metrics != nullptr) {
    const auto* reply = std::get_if<HttpReply>(&outcome);
    options_.metrics->Observe(asked, reply == nullptr ? 200 : reply->status, absl::Now() - start);
  }
  return outcome;
}

std::optional<HttpReply> ApiHandler::Refusal(const HttpRequest& request) const {
  const absl::Status status = Admit(request).status();
  if (status.ok()) return std::nullopt;
  return StatusReply(status);
}

absl::StatusOr<ApiHandler::Admitted> ApiHandler::Admit(const HttpRequest& request) const {
  Admitted out;
  RK_ASSIGN_OR_RETURN(out.user, Authenticate(request, options_.tokens));
  absl::StatusOr<Target> target = ParseTarget(request.target);
  if (!target.ok()) return api::ToStatus(api::BadRequest(target.status().message()));
  out.target = *std::move(target);
  out.path = ParseResourcePath(out.target.segments);
  const Attributes wanted = Wanted(request.method, out.target, out.path);
  if (!AllowedBy(out.user, wanted).has_value()) {
    return api::ToStatus(ForbiddenFor(out.user, wanted));
  }
  return out;
}

void ApiHandler::Asks(const HttpRequest& request, const Admitted& admitted,
                      ServerMetrics::Asked& asked) const {
  if (!admitted.path.has_value()) {
    asked.verb = absl::AsciiStrToUpper(PathVerb(request.method));
    return;
  }
  const ResourcePath& path = *admitted.path;
  const std::optional<Verb> verb = VerbOf(request.method, path, admitted.target.Flag("watch"));
  asked.verb = absl::AsciiStrToUpper(verb.has_value() ? VerbName(*verb) : PathVerb(request.method));
  const ServedKind* kind =
      options_.registry->catalog()->FindResource(path.group, path.version, path.plural);
  if (kind == nullptr) return;
  asked.group = path.group;
  asked.version = path.version;
  asked.resource = path.plural;
  if (kind->FindSubresource(path.subresource) != nullptr) asked.subresource = path.subresource;
}

absl::StatusOr<ApiHandler::Outcome> ApiHandler::Route(const HttpRequest& request,
                                                      ServerMetrics::Asked& asked) {
  RK_ASSIGN_OR_RETURN(const Admitted admitted, Admit(request));
  Asks(request, admitted, asked);
  if (request.method == "HEAD" || request.method == "OPTIONS") return NotAllowed();
  if (admitted.path.has_value()) {
    return ServeResource(request, admitted.target, *admitted.path, admitted.user);
  }
  RK_ASSIGN_OR_RETURN(HttpReply reply, ServePath(request, admitted.target));
  return reply;
}

absl::StatusOr<HttpReply> ApiHandler::ServePath(const HttpRequest& request, const Target& target) {
  if (options_.metrics != nullptr && target.path == "/metrics") {
    if (request.method != "GET") return NotAllowed();
    return HttpReply{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                     .body = options_.metrics->Text()};
  }
  std::optional<HttpReply> reply =
      options_.surface->Get(*options_.registry->catalog(), target.path, request.Header("accept"),
                            request.Header("if-none-match"));
  if (!reply.has_value()) return NoSuchPath();
  if (request.method != "GET") return NotAllowed();
  return *std::move(reply);
}

absl::StatusOr<ApiHandler::Outcome> ApiHandler::ServeResource(const HttpRequest& request,
                                                              const Target& target,
                                                              const ResourcePath& path,
                                                              const User& user) {
  const std::shared_ptr<const Catalog> catalog = options_.registry->catalog();
  const ServedKind* kind = catalog->FindResource(path.group, path.version, path.plural);
  const bool misplaced = kind != nullptr && !path.name_space.empty() && !kind->info->namespaced;
  // An object of a namespace is not to be had without it.
  const bool homeless =
      kind != nullptr && path.name_space.empty() && kind->info->namespaced && !path.name.empty();
  if (kind == nullptr && !catalog->HasGroupVersion(path.group, path.version)) return NoSuchPath();
  if (kind == nullptr || misplaced || homeless) return NoSuchResource();
  if (!path.subresource.empty() && kind->FindSubresource(path.subresource) == nullptr) {
    return NoSuchResource();
  }
  const std::optional<Verb> verb = VerbOf(request.method, path, target.Flag("watch"));
  const bool whole_cluster = kind->info->namespaced && path.name_space.empty();
  if (!verb.has_value() ||
      (whole_cluster && (*verb == Verb::kCreate || *verb == Verb::kDeleteCollection))) {
    return NotAllowed();
  }
  const std::string verb_name(VerbName(*verb));
  const Subresource* part =
      path.subresource.empty() ? nullptr : kind->FindSubresource(path.subresource);
  const bool offered = part == nullptr ? kind->HasVerb(verb_name)
                                       : std::find(part->verbs.begin(), part->verbs.end(),
                                                   verb_name) != part->verbs.end();
  if (!offered) {
    const api::Subject subject{kind->info->group, kind->info->plural, kind->info->kind, path.name};
    return api::ToStatus(part == nullptr ? api::MethodNotAllowed()
                                         : api::MethodNotSupported(subject, verb_name));
  }
  std::optional<Form> form = Negotiate(request.Header("accept"), *verb == Verb::kWatch);
  if (!form.has_value()) return api::ToStatus(api::NotAcceptable(OfferedTypes()));
  form->pretty = WantsPretty(request, target);
  RK_ASSIGN_OR_RETURN(const IncludeObject include, IncludeOf(target));

  Call call;
  call.verb = *verb;
  call.kind = kind;
  call.subresource = path.subresource;
  call.name_space = path.name_space;
  call.name = path.name;
  call.user = user;
  call.user_agent = std::string(request.Header("user-agent"));
  RK_RETURN_IF_ERROR(ReadQuery(target, *verb, call));
  if (*verb == Verb::kWatch && !path.name.empty()) {  // the old form, of one object
    absl::StrAppend(&call.field_selector, call.field_selector.empty() ? "" : ",",
                    "metadata.name=", path.name);
    call.name.clear();
  }
  RK_RETURN_IF_ERROR(
      ReadBody(request, *verb, kind->info->custom || kind->user_defined, *options_.surface, call));
  if (*verb == Verb::kWatch) {
    RK_ASSIGN_OR_RETURN(WatchPlan plan,
                        PlanWatch(target, std::move(call), *std::move(form), include, catalog));
    return plan;
  }
  if (IsReview(*kind->info)) {
    RK_ASSIGN_OR_RETURN(HttpReply reply, ServeReview(*kind, *form, *catalog, call.body, user));
    return reply;
  }
  call.as_text = form->shape == Form::Shape::kObject && !form->yaml && !form->pretty;
  RK_ASSIGN_OR_RETURN(Reply answer, options_.registry->Handle(call));
  RK_ASSIGN_OR_RETURN(HttpReply reply, Present(*kind, call, *form, include, std::move(answer)));
  return reply;
}

absl::StatusOr<WatchPlan> ApiHandler::PlanWatch(const Target& target, Call call, Form form,
                                                IncludeObject include,
                                                std::shared_ptr<const Catalog> catalog) const {
  RK_ASSIGN_OR_RETURN(int64_t seconds, TimeoutSeconds(target));
  if (seconds == 0) seconds = kLeastWatchSeconds + options_.random() % kLeastWatchSeconds;
  WatchPlan plan;
  plan.call = std::move(call);
  plan.call.as_text = form.shape == Form::Shape::kObject && !form.yaml;
  plan.catalog = std::move(catalog);
  plan.form = std::move(form);
  plan.form.pretty = false;  // an event is a line
  plan.include = include;
  plan.timeout = absl::Seconds(seconds);
  return plan;
}

absl::StatusOr<HttpReply> ApiHandler::ServeReview(const ServedKind& kind, const Form& form,
                                                  const Catalog& catalog, const std::string& body,
                                                  const User& user) const {
  absl::StatusOr<Json> parsed = json::ParseChecked(body.empty() ? "{}" : body, nullptr);
  if (!parsed.ok() || !parsed->is_object()) {
    return api::ToStatus(api::BadRequest("the body of the request is not a JSON object"));
  }
  Json review = *std::move(parsed);
  review["apiVersion"] = kind.info->ApiVersion();
  review["kind"] = kind.info->kind;
  if (json::Find(review, "metadata") == nullptr) {
    review["metadata"] = {{"creationTimestamp", nullptr}};
  }
  const Json* spec = json::Find(review, "spec");
  if (kind.info->plural == "selfsubjectaccessreviews") {
    const bool resource = spec != nullptr && json::Find(*spec, "resourceAttributes") != nullptr;
    const bool path = spec != nullptr && json::Find(*spec, "nonResourceAttributes") != nullptr;
    if (resource == path) {
      api::FieldErrors errors;
      errors.Add({api::FieldErrorKind::kInvalid, "spec.resourceAttributes",
                  "Invalid value: null: exactly one of nonResourceAttributes or "
                  "resourceAttributes must be specified"});
      return api::ToStatus(
          api::Invalid({kind.info->group, kind.info->plural, kind.info->kind, ""}, errors));
    }
    review["status"] = AccessReviewStatus(user, *spec);
  } else if (kind.info->plural == "selfsubjectrulesreviews") {
    review["status"] =
        RulesReviewStatus(user, catalog, spec == nullptr ? "" : json::String(*spec, "namespace"));
  } else {
    review["status"] = {{"userInfo", {{"username", user.name}, {"groups", user.groups}}}};
  }
  HttpReply reply{.status = 201};
  reply.content_type = form.yaml ? "application/yaml" : "application/json";
  reply.body = TreeText(review, form);
  return reply;
}

absl::StatusOr<HttpReply> ApiHandler::Present(const ServedKind& kind, const Call& call,
                                              const Form& form, IncludeObject include,
                                              Reply reply) const {
  HttpReply out{.status = reply.code};
  for (const std::string& warning : reply.warnings) {
    out.headers.emplace_back("Warning", WarningText(warning));
  }
  if (!kind.warning.empty()) out.headers.emplace_back("Warning", WarningText(kind.warning));
  if (!reply.text.empty()) {
    out.body = std::move(reply.text);
    if (out.body.back() != '\n') out.body += '\n';
    return out;
  }
  // Other parts than the object and its status have kinds of their own.
  const bool own = call.subresource.empty() || call.subresource == "status";
  RK_ASSIGN_OR_RETURN(const Json body, InForm(std::move(reply.body), kind, form, include, own,
                                              /*columns=*/true, *options_.surface));
  out.content_type = form.yaml ? "application/yaml" : "application/json";
  out.body = TreeText(body, form);
  return out;
}

}  // namespace rekindle::apiserver
