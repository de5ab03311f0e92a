#ifndef REKINDLE_CONTROLLER_RUNTIME_CACHE_STATE_H_
#define REKINDLE_CONTROLLER_RUNTIME_CACHE_STATE_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/client/informer.h"
#include "common/client/reflector.h"

namespace rekindle {

// One cache as health and metrics show it.
struct CacheState {
  std::string name;  // "pods"
  bool synced = false;
  std::string doing;  // "watching", or why it is not: "pausing before a list: forbidden"
  size_t objects = 0;
  size_t broken = 0;  // that could not be read
  client::Reflector::Counters counters;
};

// Threads: the loop's.
template <typename T>
CacheState StateOfCache(std::string name, const client::Informer<T>& cache) {
  CacheState out;
  out.name = std::move(name);
  out.synced = cache.synced();
  const client::Reflector& reflector = cache.reflector();
  out.doing = std::string(client::ReflectorStateName(reflector.state()));
  const bool pausing = reflector.state() == client::ReflectorState::kListPause ||
                       reflector.state() == client::ReflectorState::kWatchPause;
  if (pausing && !reflector.last_error().ok()) {
    absl::StrAppend(&out.doing, ": ", reflector.last_error().message());
  }
  out.objects = cache.size();
  out.broken = cache.broken().size();
  out.counters = reflector.counters();
  return out;
}

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_RUNTIME_CACHE_STATE_H_
