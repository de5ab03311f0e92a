#include "common/json/tree.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

namespace rekindle::json {
namespace {

// Remembers where the parser stopped; nlohmann's exception-free parse keeps it to itself.
struct ErrorSink : nlohmann::json_sax<Json> {
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    offset = position;
    return false;
  }
  std::size_t offset = 0;
};

}  // namespace

absl::StatusOr<Json> Parse(absl::string_view text) {
  Json tree = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!tree.is_discarded()) return tree;
  ErrorSink sink;
  (void)Json::sax_parse(text, &sink);
  return absl::InvalidArgumentError(absl::StrCat("not valid JSON near byte ", sink.offset));
}

std::string Dump(const Json& tree) {
  return tree.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string DumpLikeGo(const Json& tree) {
  const std::string plain = Dump(tree);
  std::string out;
  out.reserve(plain.size());
  for (size_t i = 0; i < plain.size(); ++i) {
    const char c = plain[i];
    if (c == '<') {
      out += "\\u003c";
    } else if (c == '>') {
      out += "\\u003e";
    } else if (c == '&') {
      out += "\\u0026";
    } else if (c == '\xe2' && i + 2 < plain.size() && plain[i + 1] == '\x80' &&
               (plain[i + 2] == '\xa8' || plain[i + 2] == '\xa9')) {
      out += plain[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += c;
    }
  }
  return out;
}

const Json* Find(const Json& tree, absl::string_view key) {
  if (!tree.is_object()) return nullptr;
  const auto it = tree.find(key);
  return it == tree.end() || it->is_null() ? nullptr : &*it;
}

const Json* Find(const Json& tree, std::initializer_list<absl::string_view> path) {
  const Json* at = &tree;
  for (const absl::string_view key : path) {
    at = Find(*at, key);
    if (at == nullptr) return nullptr;
  }
  return at;
}

const Json& At(const Json& tree, absl::string_view key) {
  static const Json null;
  const Json* value = Find(tree, key);
  return value == nullptr ? null : *value;
}

absl::string_view String(const Json& tree, std::initializer_list<absl::string_view> path) {
  const Json* at = Find(tree, path);
  if (at == nullptr || !at->is_string()) return {};
  return at->get_ref<const std::string&>();
}

absl::string_view String(const Json& tree, absl::string_view key) { return String(tree, {key}); }

std::optional<int64_t> Int(const Json& tree, std::initializer_list<absl::string_view> path) {
  const Json* at = Find(tree, path);
  if (at == nullptr || !at->is_number_integer()) return std::nullopt;
  return at->get<int64_t>();
}

std::optional<int64_t> Int(const Json& tree, absl::string_view key) { return Int(tree, {key}); }

bool Bool(const Json& tree, std::initializer_list<absl::string_view> path) {
  const Json* at = Find(tree, path);
  return at != nullptr && at->is_boolean() && at->get<bool>();
}

bool IsEmpty(const Json& tree) {
  if (tree.is_null()) return true;
  if (tree.is_string()) return tree.get_ref<const std::string&>().empty();
  return (tree.is_object() || tree.is_array()) && tree.empty();
}

}  // namespace rekindle::json
