#include "common/json/fast_parse.h"

#include <simdjson.h>

#include <cstring>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include <nlohmann/json.hpp>

namespace rekindle::json {
namespace {

namespace od = simdjson::ondemand;
using simdjson::error_code;

constexpr int kMaxDepth = 256;

// The paths that are left out or set apart, as a tree of names.
struct Names {
  std::map<std::string, Names, std::less<>> below;
  bool left_out = false;
  bool apart = false;

  Names& At(absl::string_view path) {
    Names* at = this;
    for (const absl::string_view name : absl::StrSplit(path, '.')) {
      at = &at->below[std::string(name)];
    }
    return *at;
  }
  static const Names* Below(const Names* names, std::string_view key) {
    if (names == nullptr) return nullptr;
    const auto it = names->below.find(key);
    return it == names->below.end() ? nullptr : &it->second;
  }
};

absl::Status Broken(error_code code) {
  return absl::InvalidArgumentError(
      absl::StrCat("not valid JSON: ", simdjson::error_message(code)));
}

Json Text(std::string_view text) { return Json(std::string(text)); }

// Not by get_number(): in simdjson 3.0.1 it makes 0 of floating-point numbers with 18 significant
// digits and more (found by fuzzing).
error_code Number(od::value value, Json& out) {
  od::number_type type;
  if (const error_code code = value.get_number_type().get(type)) return code;
  switch (type) {
    case od::number_type::signed_integer: {
      int64_t integer = 0;
      const error_code code = value.get_int64().get(integer);
      // Non-negative numbers are unsigned in trees, as Parse has them.
      out = integer < 0 ? Json(integer) : Json(static_cast<uint64_t>(integer));
      return code;
    }
    case od::number_type::unsigned_integer: {
      uint64_t integer = 0;
      const error_code code = value.get_uint64().get(integer);
      out = integer;
      return code;
    }
    case od::number_type::floating_point_number: {
      double real = 0;
      const error_code code = value.get_double().get(real);
      out = real;
      return code;
    }
  }
  return simdjson::NUMBER_ERROR;
}

// Names with their lengths, so that no name looks like something else.
void AppendName(std::string_view name, std::string& out) {
  absl::StrAppend(&out, name.size(), ":", absl::string_view(name.data(), name.size()));
}

// What is not left out of a value, in the words of the document, so that equal texts are equal
// values.
error_code AppendText(od::value value, const Names* names, int depth, std::string& out) {
  if (depth > kMaxDepth) return simdjson::DEPTH_ERROR;
  od::json_type type;
  if (const error_code code = value.type().get(type)) return code;
  const bool whole = names == nullptr || names->below.empty();
  std::string_view raw;
  if (type == od::json_type::object) {
    od::object object;
    if (const error_code code = value.get_object().get(object)) return code;
    if (whole) {
      if (const error_code code = object.raw_json().get(raw)) return code;
      out.append(raw);
      return simdjson::SUCCESS;
    }
    out += '{';
    for (auto found : object) {
      std::string_view key;
      if (const error_code code = found.unescaped_key().get(key)) return code;
      const Names* below = Names::Below(names, key);
      if (below != nullptr && below->left_out) continue;
      AppendName(key, out);
      od::value inner;
      if (const error_code code = found.value().get(inner)) return code;
      if (const error_code code = AppendText(inner, below, depth + 1, out)) return code;
      out += ',';
    }
    out += '}';
    return simdjson::SUCCESS;
  }
  if (type == od::json_type::array) {
    od::array array;
    if (const error_code code = value.get_array().get(array)) return code;
    if (whole) {
      if (const error_code code = array.raw_json().get(raw)) return code;
      out.append(raw);
      return simdjson::SUCCESS;
    }
    out += '[';
    for (auto found : array) {
      od::value inner;
      if (const error_code code = found.get(inner)) return code;
      if (const error_code code = AppendText(inner, names, depth + 1, out)) return code;
      out += ',';
    }
    out += ']';
    return simdjson::SUCCESS;
  }
  // Not read, and skipped by the iteration.
  out.append(value.raw_json_token());
  return simdjson::SUCCESS;
}

error_code Build(od::value value, const Names* names, int depth, Json& out, std::string* apart);

error_code BuildObject(od::value value, const Names* names, int depth, Json& out,
                       std::string* apart) {
  out = Json::object();
  auto& members = out.get_ref<Json::object_t&>();
  od::object object;
  if (const error_code code = value.get_object().get(object)) return code;
  for (auto found : object) {
    std::string_view key;
    if (const error_code code = found.unescaped_key().get(key)) return code;
    const Names* below = Names::Below(names, key);
    // Skipped by the iteration.
    if (below != nullptr && (below->left_out || (below->apart && apart == nullptr))) continue;
    od::value inner;
    if (below != nullptr && below->apart) {
      AppendName(key, *apart);
      if (const error_code code = found.value().get(inner)) return code;
      if (const error_code code = AppendText(inner, below, depth + 1, *apart)) return code;
      *apart += ';';
      continue;
    }
    Json& member = members[std::string(key)];
    if (const error_code code = found.value().get(inner)) return code;
    if (const error_code code = Build(inner, below, depth + 1, member, apart)) return code;
  }
  return simdjson::SUCCESS;
}

error_code BuildArray(od::value value, const Names* names, int depth, Json& out,
                      std::string* apart) {
  out = Json::array();
  auto& items = out.get_ref<Json::array_t&>();
  od::array array;
  if (const error_code code = value.get_array().get(array)) return code;
  for (auto found : array) {
    od::value inner;
    if (const error_code code = found.get(inner)) return code;
    items.emplace_back();
    if (const error_code code = Build(inner, names, depth + 1, items.back(), apart)) return code;
  }
  return simdjson::SUCCESS;
}

error_code Build(od::value value, const Names* names, int depth, Json& out, std::string* apart) {
  if (depth > kMaxDepth) return simdjson::DEPTH_ERROR;
  od::json_type type;
  if (const error_code code = value.type().get(type)) return code;
  switch (type) {
    case od::json_type::object:
      return BuildObject(value, names, depth, out, apart);
    case od::json_type::array:
      return BuildArray(value, names, depth, out, apart);
    case od::json_type::string: {
      std::string_view text;
      if (const error_code code = value.get_string().get(text)) return code;
      out = Text(text);
      return simdjson::SUCCESS;
    }
    case od::json_type::number:
      return Number(value, out);
    case od::json_type::boolean: {
      bool flag = false;
      if (const error_code code = value.get_bool().get(flag)) return code;
      out = flag;
      return simdjson::SUCCESS;
    }
    case od::json_type::null: {
      out = nullptr;
      bool null = false;
      if (const error_code code = value.is_null().get(null)) return code;
      return null ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
    }
  }
  return simdjson::TAPE_ERROR;
}

}  // namespace

struct FastParser::Impl {
  Names names;
  od::parser parser;
  std::string buffer;
};

FastParser::FastParser(const std::vector<std::string>& leave_out,
                       const std::vector<std::string>& set_apart)
    : impl_(std::make_unique<Impl>()) {
  for (const std::string& path : leave_out) impl_->names.At(path).left_out = true;
  for (const std::string& path : set_apart) impl_->names.At(path).apart = true;
}
FastParser::~FastParser() = default;
FastParser::FastParser(FastParser&&) noexcept = default;

absl::StatusOr<Json> FastParser::Parse(absl::string_view text, std::string* apart) {
  if (apart != nullptr) apart->clear();
  impl_->buffer.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  impl_->buffer.assign(text.data(), text.size());
  const simdjson::padded_string_view padded(impl_->buffer.data(), text.size(),
                                            impl_->buffer.capacity());
  od::document document;
  if (const error_code code = impl_->parser.iterate(padded).get(document)) return Broken(code);
  bool scalar = false;
  if (const error_code code = document.is_scalar().get(scalar)) return Broken(code);
  // Scalars are no objects of an API; the plain parser knows how to read them.
  if (scalar) {
    Json out = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
    if (out.is_discarded()) return Broken(simdjson::TAPE_ERROR);
    return out;
  }
  od::value root;
  if (const error_code code = document.get_value().get(root)) return Broken(code);
  Json out;
  if (const error_code code = Build(root, &impl_->names, 1, out, apart)) return Broken(code);
  const char* rest = nullptr;
  if (document.current_location().get(rest) == simdjson::SUCCESS) {
    return absl::InvalidArgumentError("not valid JSON: something follows the value");
  }
  return out;
}

}  // namespace rekindle::json
