// Reads the schema language (README.md).
#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include <nlohmann/json.hpp>

#include "common/api/schema/schema.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

constexpr absl::string_view kDoc = " : ";
constexpr absl::string_view kMetaPackage = "io.k8s.apimachinery.pkg.apis.meta.v1";

struct Scalar {
  Shape shape;
  Format format;
};

const Scalar* FindScalar(absl::string_view name) {
  static const std::map<std::string, Scalar> scalars = {
      {"string", {Shape::kString, Format::kNone}},
      {"int32", {Shape::kInteger, Format::kInt32}},
      {"int64", {Shape::kInteger, Format::kInt64}},
      {"double", {Shape::kNumber, Format::kDouble}},
      {"bool", {Shape::kBoolean, Format::kNone}},
      {"bytes", {Shape::kString, Format::kBytes}},
      {"time", {Shape::kString, Format::kTime}},
      {"microtime", {Shape::kString, Format::kMicroTime}},
      {"duration", {Shape::kString, Format::kDuration}},
      {"quantity", {Shape::kQuantity, Format::kNone}},
      {"intorstring", {Shape::kIntOrString, Format::kNone}},
      {"any", {Shape::kAny, Format::kNone}},
  };
  const auto it = scalars.find(std::string(name));
  return it == scalars.end() ? nullptr : &it->second;
}

TextRule RuleOf(absl::string_view name) {
  if (name == "label") return TextRule::kLabel;
  if (name == "subdomain") return TextRule::kSubdomain;
  if (name == "label1035") return TextRule::kLabel1035;
  if (name == "qualified") return TextRule::kQualifiedName;
  if (name == "labelvalue") return TextRule::kLabelValue;
  if (name == "envname") return TextRule::kEnvName;
  if (name == "portname") return TextRule::kPortName;
  return TextRule::kNone;
}

struct Line {
  std::vector<std::string> words;
  std::string doc;
  bool member = false;
};

Line SplitLine(absl::string_view text) {
  Line out;
  out.member = absl::StartsWith(text, " ");
  const size_t doc = text.find(kDoc);
  if (doc != absl::string_view::npos) {
    out.doc = std::string(absl::StripAsciiWhitespace(text.substr(doc + kDoc.size())));
    text = text.substr(0, doc);
  }
  out.words = absl::StrSplit(text, ' ', absl::SkipEmpty());
  return out;
}

}  // namespace

class SchemaReader {
 public:
  explicit SchemaReader(Schema& out) : out_(out) {}

  absl::Status Read(const std::vector<std::pair<std::string, std::string>>& texts) {
    // Names first, so that members may refer to what follows.
    for (const auto& [file, text] : texts) {
      if (absl::Status status = EachLine(file, text, [&](const Line& l) { return Declare(l); });
          !status.ok()) {
        return status;
      }
    }
    for (const auto& [file, text] : texts) {
      if (absl::Status status = EachLine(file, text, [&](const Line& l) { return Define(l); });
          !status.ok()) {
        return status;
      }
    }
    for (auto& [name, type] : objects_) type->Index();
    for (const auto& [name, type] : objects_) {
      if (absl::Status status = CheckKeys(*type); !status.ok()) return status;
      out_.types_.emplace(name, type);
    }
    return absl::OkStatus();
  }

 private:
  template <typename F>
  absl::Status EachLine(const std::string& file, const std::string& text, F handle) {
    package_.clear();
    object_ = nullptr;
    int number = 0;
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      ++number;
      const absl::string_view plain = absl::StripAsciiWhitespace(line);
      if (plain.empty() || plain[0] == '#') continue;
      if (absl::Status status = handle(SplitLine(line)); !status.ok()) {
        return absl::InvalidArgumentError(absl::StrCat(file, ":", number, ": ", status.message()));
      }
    }
    return absl::OkStatus();
  }

  static absl::Status Bad(absl::string_view what, absl::string_view word = {}) {
    return absl::InvalidArgumentError(word.empty() ? std::string(what)
                                                   : absl::StrCat(what, " \"", word, "\""));
  }

  absl::Status Declare(const Line& line) {
    if (line.member) return absl::OkStatus();
    if (line.words.size() < 2) return Bad("a name is missing");
    if (line.words[0] == "package") {
      package_ = line.words[1];
      return absl::OkStatus();
    }
    if (line.words[0] != "object" && line.words[0] != "kind") return Bad("unknown", line.words[0]);
    if (package_.empty()) return Bad("no package");
    const std::string name = absl::StrCat(package_, ".", line.words[1]);
    Type* type = out_.store_.New();
    type->shape = Shape::kObject;
    type->name = name;
    type->doc = line.doc;
    if (!objects_.emplace(name, type).second) return Bad("declared twice:", name);
    by_short_name_[line.words[1]].push_back(type);
    return absl::OkStatus();
  }

  absl::Status Define(const Line& line) {
    if (line.member) {
      if (object_ == nullptr) return Bad("a member without an object");
      return line.words[0] == "column" && kind_ != nullptr ? Column(line) : Member(line);
    }
    if (line.words[0] == "package") {
      package_ = line.words[1];
      return absl::OkStatus();
    }
    object_ = objects_[absl::StrCat(package_, ".", line.words[1])];
    kind_ = nullptr;
    if (line.words[0] == "kind") return Kind(line);
    for (size_t i = 2; i < line.words.size(); ++i) {
      const std::string& word = line.words[i];
      if (word == "preserve") {
        object_->preserve_unknown = true;
      } else if (word == "atomic") {
        object_->atomic = true;
      } else if (word == "retainkeys") {
        object_->retain_keys = true;
      } else if (word == "embedded") {
        object_->embedded = true;
      } else {
        return Bad("unknown attribute", word);
      }
    }
    return absl::OkStatus();
  }

  absl::Status Kind(const Line& line) {
    KindInfo info;
    info.kind = line.words[1];
    info.list_kind = info.kind + "List";
    info.singular = absl::AsciiStrToLower(info.kind);
    info.doc = line.doc;
    info.type = object_;
    for (size_t i = 2; i < line.words.size(); ++i) {
      const std::pair<absl::string_view, absl::string_view> pair =
          absl::StrSplit(line.words[i], absl::MaxSplits('=', 1));
      const std::string value(pair.second);
      if (pair.first == "group") {
        info.group = value;
      } else if (pair.first == "version") {
        info.version = value;
      } else if (pair.first == "plural") {
        info.plural = value;
      } else if (pair.first == "singular") {
        info.singular = value;
      } else if (pair.first == "short") {
        info.short_names = absl::StrSplit(value, ',');
      } else if (pair.first == "categories") {
        info.categories = absl::StrSplit(value, ',');
      } else if (pair.first == "scale") {
        info.scale = true;
        info.scale_selector_path = value;
      } else if (pair.first == "cluster") {
        info.namespaced = false;
      } else if (pair.first == "status") {
        info.status = true;
      } else if (pair.first == "custom") {
        info.custom = true;
      } else if (pair.first == "storage") {
        info.storage = true;
      } else if (pair.first == "convert") {
        info.convert = true;
      } else if (pair.first == "review") {
        info.review = true;
      } else {
        return Bad("unknown attribute", line.words[i]);
      }
    }
    if (info.version.empty() || info.plural.empty()) return Bad("a kind needs version and plural");
    out_.kinds_.push_back(std::move(info));
    kind_ = &out_.kinds_.back();
    const auto own = [&](const char* name, absl::string_view type, const char* doc) {
      return Member({{name, std::string(type)}, doc, true});
    };
    if (absl::Status s = own("apiVersion", "string",
                             "Group and version of the schema that this object follows.");
        !s.ok()) {
      return s;
    }
    if (absl::Status s = own("kind", "string", "What this object is; never changes."); !s.ok()) {
      return s;
    }
    return own("metadata", "ObjectMeta", "Name, labels and what else all objects have.");
  }

  absl::Status Column(const Line& line) {
    if (line.words.size() < 4) return Bad("a column needs name, type and path");
    PrinterColumn column;
    column.name = line.words[1];
    column.type = line.words[2];
    column.path = line.words[3];
    column.doc = line.doc;
    if (line.words.size() > 4) {
      if (line.words[4] != "wide") return Bad("unknown attribute", line.words[4]);
      column.priority = 1;
    }
    kind_->columns.push_back(std::move(column));
    return absl::OkStatus();
  }

  absl::StatusOr<const Type*> Named(absl::string_view name) {
    const auto here = objects_.find(absl::StrCat(package_, ".", name));
    if (here != objects_.end()) return here->second;
    const auto meta = objects_.find(absl::StrCat(kMetaPackage, ".", name));
    if (meta != objects_.end()) return meta->second;
    const size_t dot = name.rfind('.');
    const absl::string_view last = dot == absl::string_view::npos ? name : name.substr(dot + 1);
    const auto it = by_short_name_.find(std::string(last));
    if (it == by_short_name_.end()) return Bad("unknown type", name);
    if (dot != absl::string_view::npos) {
      for (const Type* type : it->second) {
        if (type->name == name || absl::EndsWith(type->name, absl::StrCat(".", name))) return type;
      }
      return Bad("unknown type", name);
    }
    if (it->second.size() > 1) return Bad("more than one type is called", name);
    return it->second[0];
  }

  // A type of its own for everything but named objects, because attributes change it.
  absl::StatusOr<Type*> Fresh(absl::string_view expression) {
    Type* type = out_.store_.New();
    if (absl::ConsumePrefix(&expression, "[") && absl::ConsumeSuffix(&expression, "]")) {
      type->shape = Shape::kList;
    } else if (absl::ConsumePrefix(&expression, "{") && absl::ConsumeSuffix(&expression, "}")) {
      type->shape = Shape::kMap;
    } else {
      const Scalar* scalar = FindScalar(expression);
      if (scalar == nullptr) return Bad("unknown type", expression);
      type->shape = scalar->shape;
      type->format = scalar->format;
      type->preserve_unknown = scalar->shape == Shape::kAny;
      return type;
    }
    absl::StatusOr<const Type*> element = Resolve(expression);
    if (!element.ok()) return element.status();
    type->element = *element;
    return type;
  }

  absl::StatusOr<const Type*> Resolve(absl::string_view expression) {
    if (expression.empty()) return Bad("a type is missing");
    if (expression[0] == '[' || expression[0] == '{' || FindScalar(expression) != nullptr) {
      absl::StatusOr<Type*> fresh = Fresh(expression);
      if (!fresh.ok()) return fresh.status();
      return *fresh;
    }
    return Named(expression);
  }

  absl::Status Member(const Line& line) {
    if (line.words.size() < 2) return Bad("a member needs a type");
    Field field;
    absl::string_view name = line.words[0];
    field.required = absl::ConsumeSuffix(&name, "*");
    field.name = std::string(name);
    field.doc = line.doc;
    for (const Field& other : object_->fields) {
      if (other.name == field.name) return Bad("member declared twice:", field.name);
    }
    const std::string& expression = line.words[1];
    Type* fresh = nullptr;
    if (expression[0] == '[' || expression[0] == '{' || FindScalar(expression) != nullptr) {
      absl::StatusOr<Type*> made = Fresh(expression);
      if (!made.ok()) return made.status();
      fresh = *made;
      field.type = fresh;
    } else {
      absl::StatusOr<const Type*> named = Named(expression);
      if (!named.ok()) return named.status();
      field.type = *named;
    }
    for (size_t i = 2; i < line.words.size(); ++i) {
      if (absl::Status status = Attribute(line.words[i], field, fresh); !status.ok()) return status;
    }
    object_->fields.push_back(std::move(field));
    return absl::OkStatus();
  }

  static absl::Status Default(absl::string_view text, Field& field, bool published) {
    absl::StatusOr<Json> value = json::Parse(text);
    if (!value.ok()) value = Json(std::string(text));  // a bare word is a text
    field.fallback = std::make_shared<const Json>(*std::move(value));
    field.published_default = published;
    return absl::OkStatus();
  }

  absl::Status Attribute(const std::string& word, Field& field, Type* fresh) {
    const size_t at = word.find('=');
    const absl::string_view key = absl::string_view(word).substr(0, at);
    const absl::string_view value =
        at == std::string::npos ? absl::string_view() : absl::string_view(word).substr(at + 1);
    if (key.empty()) return Default(value, field, true);
    if (key == "own") return Default(value, field, false);
    if (key == "unchecked") {
      field.published_checks = false;
      return absl::OkStatus();
    }
    if (key == "mayempty") {
      field.may_be_empty = true;
      return absl::OkStatus();
    }
    if (key == "opaque") {
      field.opaque = true;
      return absl::OkStatus();
    }
    if (key == "atomic") {
      field.atomic = true;
      return absl::OkStatus();
    }
    if (fresh == nullptr) return Bad("an object's member cannot have", word);
    if (key == "enum") {
      fresh->allowed =
          std::make_shared<const Json>(std::vector<std::string>(absl::StrSplit(value, ',')));
      return absl::OkStatus();
    }
    if (key == "map") {
      fresh->list = ListKind::kMap;
      fresh->keys = absl::StrSplit(value, ',');
      return absl::OkStatus();
    }
    if (key == "set") {
      fresh->list = ListKind::kSet;
      return absl::OkStatus();
    }
    if (key == "merge") {
      fresh->merge_key = std::string(value);
      fresh->merge =
          value.empty() ? json::ListRule::Kind::kMergePrimitive : json::ListRule::Kind::kMergeByKey;
      return absl::OkStatus();
    }
    if (key == "nullable") {
      fresh->nullable = true;
      return absl::OkStatus();
    }
    if (key == "rule") {
      fresh->rule = RuleOf(value);
      return fresh->rule == TextRule::kNone ? Bad("unknown rule", value) : absl::OkStatus();
    }
    if (key == "pattern") {
      fresh->pattern = std::string(value);
      return absl::OkStatus();
    }
    int64_t number = 0;
    if (!absl::SimpleAtoi(value, &number)) return Bad("unknown attribute", word);
    if (key == "min") {
      fresh->minimum = static_cast<double>(number);
    } else if (key == "max") {
      fresh->maximum = static_cast<double>(number);
    } else if (key == "minlen") {
      fresh->min_length = number;
    } else if (key == "maxlen") {
      fresh->max_length = number;
    } else if (key == "minitems") {
      fresh->min_items = number;
    } else if (key == "maxitems") {
      fresh->max_items = number;
    } else {
      return Bad("unknown attribute", word);
    }
    return absl::OkStatus();
  }

  // A key that no element has would make every list of that type unusable.
  static absl::Status CheckKeys(const Type& object) {
    for (const Field& field : object.fields) {
      if (field.type->shape != Shape::kList) continue;
      std::vector<std::string> keys = field.type->keys;
      if (!field.type->merge_key.empty()) keys.push_back(field.type->merge_key);
      for (const std::string& key : keys) {
        if (field.type->element->Find(key) == nullptr) {
          return absl::InvalidArgumentError(
              absl::StrCat(object.name, ".", field.name, ": no element has a member ", key));
        }
      }
    }
    return absl::OkStatus();
  }

  Schema& out_;
  std::string package_;
  Type* object_ = nullptr;
  KindInfo* kind_ = nullptr;
  std::map<std::string, Type*> objects_;
  std::map<std::string, std::vector<Type*>> by_short_name_;
};

absl::StatusOr<std::shared_ptr<const Schema>> Schema::Parse(
    const std::vector<std::pair<std::string, std::string>>& texts) {
  auto out = std::make_shared<Schema>();
  if (absl::Status status = SchemaReader(*out).Read(texts); !status.ok()) return status;
  return std::shared_ptr<const Schema>(std::move(out));
}

}  // namespace rekindle::api
