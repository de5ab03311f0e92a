#include "controller/apiserver/registry/background.h"

#include "controller/apiserver/registry/budgets.h"
#include "controller/apiserver/registry/collector.h"
#include "controller/apiserver/registry/definition_cleaner.h"
#include "controller/apiserver/registry/event_expiry.h"
#include "controller/apiserver/registry/namespace_cleaner.h"
#include "controller/apiserver/registry/object_feed.h"

namespace rekindle::apiserver {

struct Background::Parts {
  struct Alive {
    bool value = true;
  };

  Parts(ObjectRegistry& registry_in, Loop& loop_in, Blocking& blocking, const Options& options)
      : registry(registry_in),
        loop(loop_in),
        feed(registry, loop),
        collector(registry, feed, loop, blocking),
        namespaces(registry, loop, blocking),
        definitions(registry, loop, blocking),
        budgets(registry, loop, blocking),
        events(registry, loop, options.keep_events) {
    feed.AddListener(&collector);
    feed.AddListener(&namespaces);
    feed.AddListener(&definitions);
    feed.AddListener(&budgets);
    feed.AddListener(&events);
  }

  ObjectRegistry& registry;
  Loop& loop;
  ObjectFeed feed;
  Collector collector;
  NamespaceCleaner namespaces;
  DefinitionCleaner definitions;
  Budgets budgets;
  EventExpiry events;
  const std::shared_ptr<Alive> alive = std::make_shared<Alive>();
};

Background::Background(ObjectRegistry& registry, Loop& loop, Blocking& blocking,
                       const Options& options)
    : parts_(std::make_unique<Parts>(registry, loop, blocking, options)) {}

Background::~Background() {
  parts_->registry.definitions().OnChange(nullptr);
  parts_->alive->value = false;
}

void Background::Start() {
  Parts* parts = parts_.get();
  parts->registry.definitions().OnChange([parts, &loop = parts->loop, alive = parts->alive] {
    loop.Post([parts, alive] {
      if (!alive->value) return;
      parts->feed.Refresh();
      parts->collector.OnCatalog();
      parts->definitions.OnCatalog();
    });
  });
  parts->feed.Refresh();
  parts->definitions.OnCatalog();
}

bool Background::idle() const {
  return parts_->collector.idle() && parts_->namespaces.idle() && parts_->definitions.idle() &&
         parts_->budgets.idle();
}

}  // namespace rekindle::apiserver
