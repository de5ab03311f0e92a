#include "controller/apiserver/rest/presentation.h"

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/schema/yaml_text.h"
#include "common/api/status.h"
#include "common/base/status_macros.h"
#include "common/json/tree.h"

namespace rekindle::apiserver {
namespace {

Json Partial(const Json& object, const std::string& version) {
  Json out = {{"kind", "PartialObjectMetadata"}, {"apiVersion", "meta.k8s.io/" + version}};
  const Json* metadata = json::Find(object, "metadata");
  out["metadata"] = metadata == nullptr ? Json::object() : *metadata;
  return out;
}

Json PartialOf(Json body, const std::string& version) {
  const auto items = body.find("items");
  if (items == body.end() || !items->is_array()) return Partial(body, version);
  Json out = {{"kind", "PartialObjectMetadataList"}, {"apiVersion", "meta.k8s.io/" + version}};
  out["metadata"] = body.contains("metadata") ? body["metadata"] : Json::object();
  out["items"] = Json::array();
  for (const Json& item : *items) out["items"].push_back(Partial(item, version));
  return out;
}

}  // namespace

absl::StatusOr<Json> InForm(Json body, const ServedKind& kind, const Form& form,
                            IncludeObject include, bool own, bool columns, const Surface& surface) {
  if (!own || form.shape == Form::Shape::kObject || json::String(body, "kind") == "Status") {
    return body;
  }
  if (form.shape == Form::Shape::kPartial) return PartialOf(std::move(body), form.version);
  return surface.ToTable(kind, body, form.version, include, columns);
}

std::string TreeText(const Json& tree, const Form& form) {
  if (form.yaml) return api::YamlText(tree);
  if (form.pretty) return tree.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  return json::Dump(tree) + "\n";
}

std::string ErrorEventLine(const absl::Status& status) {
  const std::optional<api::ApiError> known = api::FromStatus(status);
  const api::ApiError error = known.has_value() ? *known
                              : absl::IsUnavailable(status)
                                  ? api::ServiceUnavailable(status.message())
                                  : api::InternalError(status.message());
  return absl::StrCat("{\"type\":\"ERROR\",\"object\":", json::Dump(api::ErrorToJson(error)),
                      "}\n");
}

absl::StatusOr<std::shared_ptr<const std::string>> EventLines::Line(const WatchEvent& event,
                                                                    const ServedKind& kind,
                                                                    const Form& form,
                                                                    IncludeObject include,
                                                                    bool columns) {
  const bool plain = form.shape == Form::Shape::kObject;
  const std::shared_ptr<const void> source =
      event.text != nullptr ? std::shared_ptr<const void>(event.text) : event.object;
  const Name name{source.get(),
                  event.type,
                  static_cast<int>(form.shape),
                  form.version,
                  plain ? 0 : static_cast<int>(include),
                  !plain && columns};
  {
    MutexLock lock(&mutex_);
    const auto found = lines_.find(name);
    if (found != lines_.end()) return found->second.line;
  }
  std::string printed;
  absl::string_view object;
  // Bookmarks stay what they are (spec 6.7).
  if (event.text != nullptr) {
    object = *event.text;
  } else if (plain || event.type == "BOOKMARK") {
    printed = json::Dump(*event.object);
    object = printed;
  } else {
    RK_ASSIGN_OR_RETURN(const Json tree,
                        InForm(*event.object, kind, form, include, true, columns, surface_));
    printed = json::Dump(tree);
    object = printed;
  }
  auto line = std::make_shared<const std::string>(
      absl::StrCat("{\"type\":\"", event.type, "\",\"object\":", object, "}\n"));
  MutexLock lock(&mutex_);
  if (!lines_.emplace(name, Entry{source, line}).second) return line;
  order_.push_back(name);
  bytes_ += line->size();
  while (bytes_ > most_bytes_ && order_.size() > 1) {
    const auto oldest = lines_.find(order_.front());
    bytes_ -= oldest->second.line->size();
    lines_.erase(oldest);
    order_.pop_front();
  }
  return line;
}

}  // namespace rekindle::apiserver
