#ifndef REKINDLE_CONTROLLER_RECREATE_BUDGETS_H_
#define REKINDLE_CONTROLLER_RECREATE_BUDGETS_H_

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "common/client/api_client.h"
#include "common/client/informer.h"
#include "common/json/json_fwd.h"

namespace rekindle::recreate {

// Whether PodDisruptionBudgets allow a restart, for requests that ask for it. Watches the budgets
// from the first question on, so that nobody needs the right who does not use it.
// Threads: the loop's.
class Budgets {
 public:
  // `client` outlives it. `changed`: something may be allowed now that was not.
  Budgets(client::ApiClient& client, std::function<void()> changed);
  ~Budgets();

  struct Answer {
    std::string why;                      // not allowed; empty: it is
    std::set<client::ObjectKey> matches;  // the pod's budgets
  };
  // `in_use` counts restarts under way that a budget does not show yet. A budget that cannot be
  // read forbids.
  Answer Ask(const Json& pod, const std::function<int(const client::ObjectKey&)>& in_use);

 private:
  client::ApiClient& client_;
  const std::function<void()> changed_;
  std::unique_ptr<client::Informer<Json>> informer_;
};

}  // namespace rekindle::recreate

#endif  // REKINDLE_CONTROLLER_RECREATE_BUDGETS_H_
