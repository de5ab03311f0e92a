#ifndef REKINDLE_CONTROLLER_APISERVER_SURFACE_DOCUMENTS_H_
#define REKINDLE_CONTROLLER_APISERVER_SURFACE_DOCUMENTS_H_

#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

#include "common/base/sync.h"
#include "controller/apiserver/catalog/catalog.h"

namespace rekindle::apiserver {

// A text and its hash (upper-case hexadecimal SHA-256), which is its ETag and its key in the index
// of OpenAPI v3.
struct Document {
  std::string body;
  std::string hash;
};

std::string HashOf(absl::string_view body);

// The documents of one catalog, each kept once it is made. Thread-safe.
class Documents {
 public:
  explicit Documents(uint64_t catalog) : catalog_(catalog) {}
  uint64_t catalog() const { return catalog_; }

  // The document of that name; `make` makes it when there is none.
  std::shared_ptr<const Document> Get(const std::string& name,
                                      absl::FunctionRef<std::string()> make);

 private:
  const uint64_t catalog_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<const Document>> made_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_SURFACE_DOCUMENTS_H_
