#include "common/api/object_meta.h"

#include <algorithm>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/time.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

// Reads members one after the other and remembers the first that does not fit.
class Reader {
 public:
  Reader(const Json& tree, absl::string_view path) : tree_(tree), path_(path) {}

  std::string Text(const char* name) {
    const Json* value = json::Find(tree_, name);
    if (value == nullptr) return {};
    if (!value->is_string()) return Fail(name, "a text"), std::string();
    return value->get<std::string>();
  }
  std::optional<int64_t> Number(const char* name) {
    const Json* value = json::Find(tree_, name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number_integer()) return Fail(name, "an integer"), std::nullopt;
    return value->get<int64_t>();
  }
  int32_t Number32(const char* name) {
    const int64_t value = Number(name).value_or(0);
    if (value < std::numeric_limits<int32_t>::min() ||
        value > std::numeric_limits<int32_t>::max()) {
      return Fail(name, "a number of 32 bits"), 0;
    }
    return static_cast<int32_t>(value);
  }
  bool Flag(const char* name) {
    const Json* value = json::Find(tree_, name);
    if (value != nullptr && !value->is_boolean()) Fail(name, "true or false");
    return json::Bool(tree_, {name});
  }
  std::optional<absl::Time> Time(const char* name, bool micro) {
    const std::string text = Text(name);
    if (text.empty()) return std::nullopt;
    const auto time = micro ? ParseMicroTime(text) : ParseTime(text);
    if (!time.has_value()) Fail(name, micro ? "a time with six fractional digits" : "a time");
    return time;
  }
  StringMap Map(const char* name) {
    StringMap out;
    const Json* value = json::Find(tree_, name);
    if (value == nullptr) return out;
    if (!value->is_object()) return Fail(name, "a map"), out;
    for (const auto& [key, text] : value->items()) {
      if (!text.is_string()) return Fail(name, "a map of texts"), out;
      out.Set(key, text.get_ref<const std::string&>());
    }
    return out;
  }
  const Json& List(const char* name) {
    static const Json none = Json::array();
    const Json* value = json::Find(tree_, name);
    if (value == nullptr) return none;
    if (!value->is_array()) return Fail(name, "a list"), none;
    return *value;
  }
  void Fail(const char* name, absl::string_view wanted) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(absl::StrCat(path_, ".", name, " is not ", wanted));
  }
  const absl::Status& status() const { return status_; }

 private:
  const Json& tree_;
  std::string path_;
  absl::Status status_;
};

}  // namespace

bool ObjectMeta::HasFinalizer(absl::string_view finalizer) const {
  return std::find(finalizers.begin(), finalizers.end(), finalizer) != finalizers.end();
}

const OwnerReference* ObjectMeta::Controller() const {
  for (const OwnerReference& owner : owners) {
    if (owner.controller) return &owner;
  }
  return nullptr;
}

absl::StatusOr<ObjectMeta> ReadObjectMeta(const Json& object) {
  const Json* tree = json::Find(object, "metadata");
  if (tree == nullptr || !tree->is_object()) {
    return absl::InvalidArgumentError("metadata is not an object");
  }
  Reader in(*tree, "metadata");
  ObjectMeta out;
  out.name = in.Text("name");
  out.generate_name = in.Text("generateName");
  out.name_space = in.Text("namespace");
  out.uid = in.Text("uid");
  out.resource_version = in.Text("resourceVersion");
  out.generation = in.Number("generation").value_or(0);
  out.created = in.Time("creationTimestamp", /*micro=*/false);
  out.deletion_time = in.Time("deletionTimestamp", /*micro=*/false);
  out.deletion_grace_seconds = in.Number("deletionGracePeriodSeconds");
  out.labels = in.Map("labels");
  out.annotations = in.Map("annotations");
  for (const Json& one : in.List("finalizers")) {
    if (one.is_string()) {
      out.finalizers.push_back(one.get<std::string>());
    } else {
      in.Fail("finalizers", "a list of texts");
    }
  }
  for (const Json& one : in.List("ownerReferences")) {
    Reader from(one, "metadata.ownerReferences");
    out.owners.push_back({from.Text("apiVersion"), from.Text("kind"), from.Text("name"),
                          from.Text("uid"), from.Flag("controller"),
                          from.Flag("blockOwnerDeletion")});
    if (!from.status().ok()) return from.status();
  }
  if (!in.status().ok()) return in.status();
  return out;
}

Json OwnerReferenceToJson(const OwnerReference& owner) {
  Json out = {{"apiVersion", owner.api_version},
              {"kind", owner.kind},
              {"name", owner.name},
              {"uid", owner.uid}};
  if (owner.controller) out["controller"] = true;
  if (owner.block_owner_deletion) out["blockOwnerDeletion"] = true;
  return out;
}

absl::StatusOr<LeaseView> ReadLease(const Json& lease) {
  static const Json nothing = Json::object();
  const Json* spec = json::Find(lease, "spec");
  Reader in(spec == nullptr ? nothing : *spec, "spec");
  LeaseView out;
  out.holder = in.Text("holderIdentity");
  out.duration_seconds = in.Number32("leaseDurationSeconds");
  out.acquired = in.Time("acquireTime", /*micro=*/true);
  out.renewed = in.Time("renewTime", /*micro=*/true);
  out.transitions = in.Number32("leaseTransitions");
  if (!in.status().ok()) return in.status();
  return out;
}

void WriteLease(const LeaseView& view, Json& lease) {
  Json& spec = lease["spec"];
  if (!spec.is_object()) spec = Json::object();
  spec["holderIdentity"] = view.holder;
  spec["leaseDurationSeconds"] = view.duration_seconds;
  spec["leaseTransitions"] = view.transitions;
  const auto time = [&](const char* name, const std::optional<absl::Time>& value) {
    if (value.has_value()) {
      spec[name] = FormatMicroTime(*value);
    } else {
      spec.erase(name);
    }
  };
  time("acquireTime", view.acquired);
  time("renewTime", view.renewed);
}

}  // namespace rekindle::api
