#include "controller/plan/inplace_compare.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/api/keys.h"
#include "common/json/diff.h"
#include "common/json/pointer.h"
#include "common/json/tree.h"

namespace rekindle::plan {
namespace {

// Container fields that a daemon which owns the pod can change by replacing the container: they end
// in the container's own configuration, not in the sandbox, the volumes or the scheduling.
constexpr absl::string_view kReplaceable[] = {"env",
                                              "envFrom",
                                              "command",
                                              "args",
                                              "workingDir",
                                              "livenessProbe",
                                              "readinessProbe",
                                              "startupProbe",
                                              "lifecycle",
                                              "imagePullPolicy",
                                              "terminationMessagePath",
                                              "terminationMessagePolicy",
                                              "stdin",
                                              "stdinOnce",
                                              "tty"};

struct ContainerPath {
  size_t index = 0;
  std::string field;              // "image", "resources", ...
  std::vector<std::string> rest;  // below the field
};

// Splits `/spec/containers/<n>/<field>/...`.
bool ParseContainerPath(const std::string& path, ContainerPath& out) {
  absl::StatusOr<std::vector<std::string>> parts = json::SplitPointer(path);
  if (!parts.ok() || parts->size() < 4 || (*parts)[0] != "spec" || (*parts)[1] != "containers" ||
      !absl::SimpleAtoi((*parts)[2], &out.index)) {
    return false;
  }
  out.field = (*parts)[3];
  out.rest.assign(parts->begin() + 4, parts->end());
  return true;
}

Comparison Refuse(Code code, std::string detail) {
  Comparison out;
  out.refusal.code = code;
  out.refusal.detail = api::Text(detail);
  return out;
}

// The readable form of a refused operation, with the container's name instead of its index.
std::string Describe(const json::DiffOp& op, const api::PodShape& shape) {
  ContainerPath path;
  const std::string head = absl::StrCat(json::DiffKindName(op.kind), " of ");
  if (!ParseContainerPath(op.path, path) || path.index >= shape.containers.size()) {
    return absl::StrCat(head, op.path);
  }
  return absl::StrCat(head, path.field, path.rest.empty() ? "" : "/", absl::StrJoin(path.rest, "/"),
                      " in container ", shape.containers[path.index].name);
}

class Comparer {
 public:
  Comparer(const Revision& before, const Revision& after, const InPlaceOptions& options)
      : before_(before.pod_template), after_(after.pod_template), options_(options) {}

  // False when the operation cannot be made in place.
  bool Classify(const json::DiffOp& op) {
    if (absl::StartsWith(op.path, "/metadata/")) return true;  // handled from the maps
    ContainerPath path;
    if (!ParseContainerPath(op.path, path) || path.index >= before_.shape->containers.size() ||
        path.index >= after_.shape->containers.size()) {
      return false;
    }
    const std::string& name = before_.shape->containers[path.index].name;
    if (name != after_.shape->containers[path.index].name) return false;
    const api::ContainerShape& target = after_.shape->containers[path.index];
    if (path.field == "image" && path.rest.empty()) {
      if (op.kind != json::DiffKind::kReplace) return false;
      out_.For(name).image = target.image;
      parts_.push_back(absl::StrCat("image of ", name, " to ", target.image.view()));
      return true;
    }
    if (path.field == "resources" && Resize(op, path, name, target)) return true;
    if (!options_.bare_metal) return false;
    const bool known = std::find(std::begin(kReplaceable), std::end(kReplaceable), path.field) !=
                       std::end(kReplaceable);
    if (!known) return false;
    ContainerChange& change = out_.For(name);
    if (!change.replace) parts_.push_back(absl::StrCat(path.field, " of ", name));
    change.replace = true;
    return true;
  }

  void Metadata() {
    Map(before_.labels, after_.labels, /*label=*/true);
    Map(before_.annotations, after_.annotations, /*label=*/false);
    if (before_.finalizers == after_.finalizers) return;
    MetadataChange& m = out_.metadata;
    m.any = true;
    m.finalizers = after_.finalizers;
    const auto missing = [](const std::vector<std::string>& from,
                            const std::vector<std::string>& in, std::vector<std::string>& result) {
      for (const std::string& name : from) {
        if (std::find(in.begin(), in.end(), name) == in.end()) result.push_back(name);
      }
    };
    missing(after_.finalizers, before_.finalizers, m.add_finalizers);
    missing(before_.finalizers, after_.finalizers, m.drop_finalizers);
    parts_.emplace_back("finalizers");
  }

  UpdateSpec Take() { return std::move(out_); }
  std::string Summary() const { return parts_.empty() ? "no change" : absl::StrJoin(parts_, ", "); }

  // Which containers restart, and whose environment goes stale.
  std::string Effect() const {
    std::vector<std::string> restarted;
    std::vector<std::string> replaced;
    for (const ContainerChange& change : out_.containers) {
      const int index = after_.shape->IndexOf(change.name);
      const api::ContainerShape* shape =
          index < 0 ? nullptr : &after_.shape->containers[static_cast<size_t>(index)];
      if (change.replace) {
        replaced.push_back(change.name);
      } else if (change.Restarts() || (shape != nullptr && ResizeRestarts(*shape, change))) {
        restarted.push_back(change.name);
      }
    }
    std::vector<std::string> effects;
    if (!restarted.empty()) effects.push_back("restarts " + absl::StrJoin(restarted, ", "));
    if (!replaced.empty()) effects.push_back("replaces " + absl::StrJoin(replaced, ", "));
    if (effects.empty()) effects.emplace_back("no container restarts");
    if (!stale_.empty()) {
      effects.push_back(
          absl::StrCat("the environment of ", absl::StrJoin(stale_, ", "), " keeps the old value"));
    }
    return absl::StrJoin(effects, ", ");
  }

 private:
  // Only changed values of cpu and memory that both templates have (spec 15.2).
  bool Resize(const json::DiffOp& op, const ContainerPath& path, const std::string& name,
              const api::ContainerShape& target) {
    if (!options_.vertical || op.kind != json::DiffKind::kReplace || path.rest.size() != 2) {
      return false;
    }
    const std::string& resource = path.rest[1];
    if (resource != "cpu" && resource != "memory") return false;
    const bool limit = path.rest[0] == "limits";
    const api::ResourceValues& values = limit ? target.resources.limits : target.resources.requests;
    const auto it = values.find(resource);
    if (it == values.end()) return false;
    api::Resources& change = out_.For(name).resources;
    (limit ? change.limits : change.requests)[resource] = it->second;
    parts_.push_back(absl::StrCat(resource, " ", limit ? "limit" : "request", " of ", name, " to ",
                                  it->second.Text()));
    return true;
  }

  static bool ResizeRestarts(const api::ContainerShape& shape, const ContainerChange& change) {
    const auto changes = [&](const char* resource) {
      return change.resources.requests.contains(resource) ||
             change.resources.limits.contains(resource);
    };
    return (shape.restart_on_cpu && changes("cpu")) ||
           (shape.restart_on_memory && changes("memory"));
  }

  // Containers of the new template whose environment reads the key.
  std::vector<const api::ContainerShape*> Readers(const std::string& key, bool label) const {
    std::vector<const api::ContainerShape*> readers;
    for (const api::ContainerShape& container : after_.shape->containers) {
      if (std::any_of(container.refs.begin(), container.refs.end(), [&](const api::EnvRef& ref) {
            return ref.label == label && ref.key == key;
          })) {
        readers.push_back(&container);
      }
    }
    return readers;
  }

  void Change(const std::string& key, const std::string* value, bool label) {
    MetadataChange& m = out_.metadata;
    m.any = true;
    std::vector<const api::ContainerShape*> readers = Readers(key, label);
    if (!options_.env_from_metadata) {  // only written: nobody restarts their readers
      for (const api::ContainerShape* reader : readers) stale_.insert(reader->name);
      readers.clear();
    }
    parts_.push_back(absl::StrCat(label ? "label " : "annotation ", key));
    if (!label && key == api::kAnnotationRestartedAt && readers.empty() &&
        options_.restart_annotation && value != nullptr) {
      for (const api::ContainerShape& container : after_.shape->containers) {
        out_.For(container.name).restart = true;
      }
    }
    for (const api::ContainerShape* reader : readers) {
      ContainerChange& change = out_.For(reader->name);
      change.env = true;
      out_.env_from_metadata = true;
      if (value != nullptr) {
        (label ? change.metadata.labels : change.metadata.annotations).Set(key, *value);
      }
    }
    if (value == nullptr) {
      // A removed key has no place in the stored documents of a container, so it goes with the
      // patch; its readers restart all the same (pitfall 23).
      (label ? m.drop_labels : m.drop_annotations).push_back(key);
    } else if (readers.empty()) {
      (label ? m.set_labels : m.set_annotations).Set(key, *value);
    }
  }

  void Map(const api::StringMap& before, const api::StringMap& after, bool label) {
    for (const auto& [key, value] : before) {
      if (!after.Has(key)) Change(key, nullptr, label);
    }
    for (const auto& [key, value] : after) {
      const std::string* old = before.Find(key);
      if (old == nullptr || *old != value) Change(key, &value, label);
    }
  }

  const Template& before_;
  const Template& after_;
  const InPlaceOptions& options_;
  UpdateSpec out_;
  std::vector<std::string> parts_;
  std::set<std::string> stale_;  // containers that keep an old environment
};

}  // namespace

bool HasResizeSubresource(absl::string_view server_version) {
  absl::ConsumePrefix(&server_version, "v");
  const std::vector<std::string> parts = absl::StrSplit(server_version, absl::MaxSplits('.', 2));
  if (parts.size() != 3) return false;
  int numbers[3] = {0, 0, 0};
  for (size_t i = 0; i < 3; ++i) {
    size_t digits = 0;
    while (digits < parts[i].size() && parts[i][digits] >= '0' && parts[i][digits] <= '9') ++digits;
    const bool vendor = digits == 0 && i == 2;
    if (vendor) continue;
    if (!absl::SimpleAtoi(parts[i].substr(0, digits), &numbers[i])) return false;
  }
  return numbers[0] > 1 || (numbers[0] == 1 && numbers[1] >= 32);
}

ContainerChange& UpdateSpec::For(const std::string& name) {
  for (ContainerChange& change : containers) {
    if (change.name == name) return change;
  }
  containers.emplace_back();
  containers.back().name = name;
  return containers.back();
}

bool UpdateSpec::HasImages() const {
  return std::any_of(containers.begin(), containers.end(),
                     [](const ContainerChange& c) { return !c.image.empty(); });
}

bool UpdateSpec::HasResources() const {
  return std::any_of(containers.begin(), containers.end(),
                     [](const ContainerChange& c) { return !c.resources.empty(); });
}

bool UpdateSpec::VerticalOnly() const {
  return HasResources() && std::none_of(containers.begin(), containers.end(),
                                        [](const ContainerChange& c) { return c.Restarts(); });
}

Comparison Compare(const Revision& before, const Revision& after, const InPlaceOptions& options,
                   bool ignore_claims) {
  if (options.claim_rule && !ignore_claims && before.claims_hash.has_value() &&
      after.claims_hash.has_value() && *before.claims_hash != *after.claims_hash) {
    return Refuse(Code::kClaimsChanged, "");
  }
  Comparer comparer(before, after, options);
  for (const json::DiffOp& op :
       json::Diff(*before.pod_template.normal, *after.pod_template.normal)) {
    if (!comparer.Classify(op)) {
      return Refuse(Code::kFieldNotInPlace, Describe(op, *before.pod_template.shape));
    }
  }
  comparer.Metadata();
  Comparison out;
  out.summary = comparer.Summary();
  out.words = absl::StrCat(out.summary, "; ", comparer.Effect());
  out.update = comparer.Take();
  if (out.update.HasResources() &&
      before.pod_template.shape->qos != after.pod_template.shape->qos) {
    return Refuse(Code::kQosChanges, "");
  }
  out.in_place = true;
  return out;
}

}  // namespace rekindle::plan
