#include "daemon/images/manifest.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

namespace rekindle::images {

namespace {

// More than any registry takes; keeps the sum of all sizes far from overflowing.
constexpr int64_t kMaxLayerBytes = int64_t{1} << 50;
constexpr size_t kMaxEntries = 4096;

// algorithm:hex
bool IsDigest(absl::string_view text) {
  const size_t colon = text.find(':');
  if (colon == 0 || colon == absl::string_view::npos || text.size() - colon < 33) return false;
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon),
                     [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }) &&
         std::all_of(text.begin() + static_cast<std::ptrdiff_t>(colon) + 1, text.end(),
                     [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); });
}

absl::StatusOr<std::string> DigestOf(const nlohmann::json& entry, absl::string_view where) {
  auto it = entry.is_object() ? entry.find("digest") : entry.end();
  if (it == entry.end() || !it->is_string() || !IsDigest(it->get_ref<const std::string&>())) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": digest missing or malformed"));
  }
  return it->get<std::string>();
}

absl::Status ReadLayers(const nlohmann::json& entries, Manifest& manifest) {
  absl::flat_hash_set<std::string> seen;
  for (const auto& entry : entries) {
    auto digest = DigestOf(entry, "layers");
    if (!digest.ok()) return digest.status();
    auto size = entry.find("size");
    if (size == entry.end() || !size->is_number_integer() ||
        (size->is_number_unsigned() && size->get<uint64_t>() > uint64_t{kMaxLayerBytes}) ||
        size->get<int64_t>() < 0 || size->get<int64_t>() > kMaxLayerBytes) {
      return absl::InvalidArgumentError("layers: size missing or malformed");
    }
    if (!seen.insert(*digest).second) continue;
    manifest.layers.push_back({*std::move(digest), size->get<int64_t>()});
  }
  return absl::OkStatus();
}

}  // namespace

Reference ParseReference(absl::string_view image) {
  Reference reference;
  if (const size_t at = image.find('@'); at != absl::string_view::npos) {
    const absl::string_view digest = image.substr(at + 1);
    if (IsDigest(digest)) reference.digest = std::string(digest);
    image = image.substr(0, at);
  }
  // A colon behind the last slash starts the tag; one before belongs to the port.
  const size_t slash = image.rfind('/');
  const size_t colon = image.rfind(':');
  if (colon != absl::string_view::npos && (slash == absl::string_view::npos || colon > slash)) {
    image = image.substr(0, colon);
  }
  const size_t first = image.find('/');
  const absl::string_view head =
      first == absl::string_view::npos ? absl::string_view() : image.substr(0, first);
  // Only these look like a host; "library/busybox" has none.
  if (!head.empty() &&
      (head == "localhost" || absl::StrContains(head, '.') || absl::StrContains(head, ':'))) {
    reference.host = std::string(head);
    image = image.substr(first + 1);
  } else {
    reference.host = "docker.io";
  }
  if (reference.host == "index.docker.io") reference.host = "docker.io";
  const bool bare = reference.host == "docker.io" && !absl::StrContains(image, '/');
  reference.repository = bare ? absl::StrCat("library/", image) : std::string(image);
  return reference;
}

absl::StatusOr<Manifest> ParseManifest(absl::string_view json) {
  const auto root = nlohmann::json::parse(json.begin(), json.end(), nullptr, false);
  if (!root.is_object()) return absl::InvalidArgumentError("manifest: not a JSON object");
  const auto layers = root.find("layers");
  const auto children = root.find("manifests");
  const bool has_layers = layers != root.end() && layers->is_array();
  const bool has_children = children != root.end() && children->is_array();
  if (has_layers == has_children) {
    return absl::InvalidArgumentError("manifest: either layers or manifests must be a list");
  }
  const auto& entries = has_layers ? *layers : *children;
  if (entries.size() > kMaxEntries) return absl::InvalidArgumentError("manifest: too many entries");
  Manifest manifest;
  if (has_layers) {
    if (absl::Status bad = ReadLayers(entries, manifest); !bad.ok()) return bad;
    return manifest;
  }
  for (const auto& entry : entries) {
    auto digest = DigestOf(entry, "manifests");
    if (!digest.ok()) return digest.status();
    manifest.children.push_back(*std::move(digest));
  }
  return manifest;
}

}  // namespace rekindle::images
