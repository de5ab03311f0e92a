#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_OBJECTS_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_OBJECTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/api/object_meta.h"
#include "common/api/schema/schema.h"
#include "common/api/status.h"
#include "common/json/json_fwd.h"
#include "controller/apiserver/store/store.h"

namespace rekindle::apiserver {

// Objects as trees and as stored text. All functions are pure and thread-safe on different values.

// `metadata` of an object, made when it is not there.
Json& Metadata(Json& object);
absl::string_view MetaText(const Json& object, absl::string_view member);
void SetRevision(Json& object, Revision revision);
Revision RevisionOf(const Json& object);  // 0 when there is none
bool BeingDeleted(const Json& object);
std::vector<std::string> Finalizers(const Json& object);
void SetFinalizers(Json& object, const std::vector<std::string>& finalizers);
api::Subject SubjectOf(const api::KindInfo& kind, absl::string_view name);

// The text that the store keeps: apiVersion, kind and metadata come first, so that a reader of
// metadata stops early and a revision is put in without parsing. Without resourceVersion.
std::string StoredText(const Json& object);
// Errors: kInternal naming the key when the text is no object.
absl::StatusOr<Json> ParseStored(const Key& key, absl::string_view text, Revision revision);
// The stored text with its revision, spliced, not parsed. `with_type`: whether apiVersion and kind
// stay (built-in lists leave them out of items). Empty when the text has another layout.
std::string SplicedText(absl::string_view text, Revision revision, bool with_type);

// What selectors look at of a stored object of a built-in kind: its tree without the large parts by
// which nothing can be selected. A fraction of the time of ParseStored. Errors: kInvalidArgument
// when the text is no JSON.
absl::StatusOr<Json> ReadSelectable(absl::string_view text);

// What is needed of an object to find its owners and to match labels: `metadata` alone is parsed,
// without managedFields. Errors: kInternal.
absl::StatusOr<api::ObjectMeta> ReadStoredMeta(absl::string_view text);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_OBJECTS_H_
