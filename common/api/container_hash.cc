#include "common/api/container_hash.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"

namespace rekindle::api {
namespace {

constexpr uint32_t kOffset = 2166136261U;
constexpr uint32_t kPrime = 16777619U;

// The typed form writes members in declaration order; the tree keeps them sorted.
constexpr absl::string_view kContainerOrder[] = {"name",
                                                 "image",
                                                 "command",
                                                 "args",
                                                 "workingDir",
                                                 "ports",
                                                 "envFrom",
                                                 "env",
                                                 "resources",
                                                 "resizePolicy",
                                                 "restartPolicy",
                                                 "volumeMounts",
                                                 "volumeDevices",
                                                 "livenessProbe",
                                                 "readinessProbe",
                                                 "startupProbe",
                                                 "lifecycle",
                                                 "terminationMessagePath",
                                                 "terminationMessagePolicy",
                                                 "imagePullPolicy",
                                                 "securityContext",
                                                 "stdin",
                                                 "stdinOnce",
                                                 "tty"};

class Fnv1a {
 public:
  void Add(absl::string_view text) {
    for (const char c : text) {
      hash_ = (hash_ ^ static_cast<unsigned char>(c)) * kPrime;
    }
  }
  uint32_t value() const { return hash_; }

 private:
  uint32_t hash_ = kOffset;
};

}  // namespace

uint32_t HashOfBytesText(absl::string_view bytes) {
  Fnv1a hash;
  hash.Add("([]uint8)[");
  bool first = true;
  for (const char c : bytes) {
    if (!first) hash.Add(" ");
    first = false;
    hash.Add(absl::StrCat(static_cast<unsigned>(static_cast<unsigned char>(c))));
  }
  hash.Add("]");
  return hash.value();
}

uint32_t PlainHash(absl::string_view name, absl::string_view image) {
  return HashOfBytesText(absl::StrCat("{\"image\":", json::DumpLikeGo(Json(std::string(image))),
                                      ",\"name\":", json::DumpLikeGo(Json(std::string(name))),
                                      "}"));
}

uint32_t OldPlainHash(const Json& container) {
  std::string text = "{";
  for (const absl::string_view field : kContainerOrder) {
    const Json* value = json::Find(container, field);
    if (value == nullptr && field != "resources") continue;
    if (text.size() > 1) text += ',';
    absl::StrAppend(&text, "\"", field, "\":", value == nullptr ? "{}" : json::DumpLikeGo(*value));
  }
  return HashOfBytesText(text + "}");
}

uint32_t EnvHash(std::vector<std::pair<std::string, std::string>> values) {
  if (values.empty()) return HashOfBytesText("null");
  std::stable_sort(values.begin(), values.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text = "[";
  for (const auto& [name, value] : values) {
    if (text.size() > 1) text += ',';
    absl::StrAppend(&text, "{\"name\":", json::DumpLikeGo(Json(name)));
    if (!value.empty()) absl::StrAppend(&text, ",\"value\":", json::DumpLikeGo(Json(value)));
    text += '}';
  }
  return HashOfBytesText(text + "]");
}

}  // namespace rekindle::api
