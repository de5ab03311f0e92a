#include "controller/apiserver/surface/documents.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include <openssl/evp.h>

namespace rekindle::apiserver {

std::string HashOf(absl::string_view body) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(body.data(), body.size(), digest, &size, EVP_sha256(), nullptr);
  return absl::AsciiStrToUpper(
      absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), size)));
}

std::shared_ptr<const Document> Documents::Get(const std::string& name,
                                               absl::FunctionRef<std::string()> make) {
  {
    MutexLock lock(&mutex_);
    const auto it = made_.find(name);
    if (it != made_.end()) return it->second;
  }
  // Outside the lock: the index of OpenAPI is made of other documents. Two that make the same one
  // at the same time make the same text.
  auto document = std::make_shared<Document>();
  document->body = make();
  document->hash = HashOf(document->body);
  MutexLock lock(&mutex_);
  return made_.emplace(name, std::move(document)).first->second;
}

}  // namespace rekindle::apiserver
