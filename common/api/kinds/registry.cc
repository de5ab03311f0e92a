#include "common/api/kinds/registry.h"

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"

#include "common/api/kinds/schema_texts.h"

namespace rekindle::api {
namespace {

const Type& Named(absl::string_view name) {
  const Type* type = Kinds().FindType(name);
  if (type == nullptr) std::abort();  // a test looks at each of them
  return *type;
}

}  // namespace

const Schema& Kinds() {
  static const std::shared_ptr<const Schema> schema = [] {
    absl::StatusOr<std::shared_ptr<const Schema>> out = Schema::Parse(SchemaTexts());
    if (!out.ok()) {
      // The texts are part of the program: a fault in them is a fault of the build, which a test
      // finds.
      std::fprintf(stderr, "schema: %s\n", out.status().ToString().c_str());
      std::abort();
    }
    return *std::move(out);
  }();
  return *schema;
}

const Type& PodType() {
  static const Type& type = Named("io.k8s.api.core.v1.Pod");
  return type;
}
const Type& PodTemplateType() {
  static const Type& type = Named("io.k8s.api.core.v1.PodTemplateSpec");
  return type;
}
const Type& ObjectMetaType() {
  static const Type& type = Named("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
  return type;
}
const Type& ClaimType() {
  static const Type& type = Named("io.k8s.api.core.v1.PersistentVolumeClaim");
  return type;
}

}  // namespace rekindle::api
