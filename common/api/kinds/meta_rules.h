#ifndef REKINDLE_COMMON_API_KINDS_META_RULES_H_
#define REKINDLE_COMMON_API_KINDS_META_RULES_H_

#include "common/api/field_error.h"
#include "common/api/schema/schema.h"
#include "common/api/text_rules.h"
#include "common/json/json_fwd.h"

namespace rekindle::api {

// Metadata of a whole object (spec kubernetes-api 2.1 to 2.3, 8.3).
void CheckObjectMeta(const Json& metadata, const KindInfo& kind, const FieldPath& at,
                     FieldErrors& errors);
// What a write may change of it. `update` in the words of the API: name, namespace, uid and
// creation time stay; no new finalizers once the object is being deleted.
void CheckObjectMetaUpdate(const Json& metadata, const Json& old, const KindInfo& kind,
                           const FieldPath& at, FieldErrors& errors);

void CheckLabels(const Json& labels, const FieldPath& at, FieldErrors& errors);
void CheckAnnotations(const Json& annotations, const FieldPath& at, FieldErrors& errors);
// A LabelSelector object; `null` is fine.
void CheckLabelSelector(const Json& selector, const FieldPath& at, FieldErrors& errors);

// The rule for names of objects of this kind.
TextRule NameRule(const KindInfo& kind);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_KINDS_META_RULES_H_
