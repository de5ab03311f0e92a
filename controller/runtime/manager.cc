#include "controller/runtime/manager.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/base/text.h"
#include "common/client/decoders.h"

namespace rekindle {
namespace {

// A look at the caches happens when a call ends; this is for those that fill in another way.
constexpr absl::Duration kLookAgain = absl::Seconds(1);
// Beyond what a step allows itself.
constexpr absl::Duration kSlack = absl::Seconds(1);
constexpr size_t kMostWarnings = 100;

// Renewals wait for nothing else, and are few.
constexpr double kLeaseRate = 5;
constexpr double kLeaseBurst = 10;

void LogRun(absl::string_view controller, const client::ControlLoop::Report& report) {
  using Kind = client::ControlLoop::Kind;
  const std::string text = absl::StrCat(controller, ": ", report.key.Text(), " (run ", report.run,
                                        ", ", absl::FormatDuration(report.took), ")");
  if (report.late) {
    LOG(WARNING) << text << ": no outcome within its deadline";
  } else if (report.kind == Kind::kTerminal) {
    LOG(WARNING) << text << ": waits for a change: " << PrintableText(report.status.ToString());
  } else if (report.kind == Kind::kRetry) {
    LOG(WARNING) << text << ": is tried again: " << PrintableText(report.status.ToString());
  } else {
    VLOG(2) << text << ": done";
  }
}

}  // namespace

Manager::Manager(Loop& loop, ControllerMetrics& metrics, Options options)
    : loop_(loop), metrics_(metrics), options_(std::move(options)) {}

Manager::~Manager() {
  *alive_ = false;
  gate_->Close();
}

absl::StatusOr<std::unique_ptr<Manager>> Manager::Make(Loop& loop, client::Transport& transport,
                                                       client::CredentialSource& credentials,
                                                       ControllerMetrics& metrics,
                                                       Options options) {
  std::unique_ptr<Manager> manager(new Manager(loop, metrics, std::move(options)));
  RK_RETURN_IF_ERROR(manager->Build(transport, credentials));
  return manager;
}

absl::Status Manager::Build(client::Transport& transport, client::CredentialSource& credentials) {
  const auto observer = [this](const client::CallReport& report) { OnCall(report); };
  if (options_.election) {
    client::ApiClient::Options lease_options;
    lease_options.requests_per_second = kLeaseRate;
    lease_options.burst = kLeaseBurst;
    lease_options.timeout = options_.election->times.renew_deadline / 2;
    lease_options.user_agent = options_.component + "/leader-election";
    lease_options.observer = observer;
    lease_client_ = std::make_unique<client::ApiClient>(loop_, transport, credentials,
                                                        std::move(lease_options));
    RK_RETURN_IF_ERROR(BuildElector());
  }
  client::ApiClient::Options work_options;
  work_options.requests_per_second = options_.requests_per_second;
  work_options.burst = options_.burst;
  work_options.user_agent = options_.component + "/controllers";
  work_options.gate = gate_;
  work_options.observer = observer;
  client_ =
      std::make_unique<client::ApiClient>(loop_, transport, credentials, std::move(work_options));
  client::ReflectorOptions pods;
  pods.collection.resource = client::PodResource();
  pods_ = std::make_unique<client::Informer<api::PodRecord>>(*client_, std::move(pods),
                                                             client::PodDecoder(), options_.random);
  events_ = std::make_unique<client::EventRecorder>(
      *client_,
      client::EventRecorder::Options{.component = options_.component,
                                     .instance = options_.identity},
      options_.random);
  const ControllerContext context = {
      .loop = loop_,
      .client = *client_,
      .pods = *pods_,
      .events = *events_,
      .random = options_.random,
      .name_space = options_.name_space,
      .observe = [this](absl::string_view name) {
        return [this, name = std::string(name)](const client::ControlLoop::Report& report) {
          metrics_.ObserveRun(name, report);
          LogRun(name, report);
        };
      }};
  if (!options_.make) return absl::OkStatus();
  RK_ASSIGN_OR_RETURN(controllers_, options_.make(context));
  return absl::OkStatus();
}

absl::Status Manager::BuildElector() {
  client::LeaderElector::Options election;
  election.lease = options_.election->lease;
  election.identity = options_.identity;
  election.times = options_.election->times;
  election.started = [this](int64_t term) {
    LOG(INFO) << "this process leads, term " << term;
    Lead();
  };
  election.stopped = [this](const absl::Status& why) { Lose(why); };
  election.leader_changed = [this](const std::string& leader) {
    if (leader != options_.identity) {
      LOG(INFO) << (leader.empty() ? "nobody leads" : PrintableText(leader) + " leads");
    }
    if (options_.changed) options_.changed();
  };
  RK_ASSIGN_OR_RETURN(elector_, client::LeaderElector::Make(*lease_client_, gate_,
                                                            std::move(election), options_.random));
  return absl::OkStatus();
}

bool Manager::Step(ManagerEvent event) {
  const std::optional<ManagerPhase> next = NextManagerPhase(phase_, event);
  if (!next) return false;
  phase_ = *next;
  loop_.Post([this, alive = alive_] {
    if (*alive && options_.changed) options_.changed();
  });
  return true;
}

void Manager::Start() {
  if (!Step(ManagerEvent::kStart)) return;
  // Nobody needs them: an API server alone is not to hold all pods twice.
  if (!controllers_.empty()) {
    pods_->OnSynced([this, alive = alive_] {
      if (*alive) CheckSynced();
    });
    pods_->Start();
  }
  for (const std::unique_ptr<Controller>& controller : controllers_) controller->Watch();
  CheckSyncedSoon();
}

void Manager::CheckSyncedSoon() {
  if (phase_ != ManagerPhase::kSyncing || std::exchange(check_posted_, true)) return;
  loop_.Post([this, alive = alive_] {
    if (!*alive) return;
    check_posted_ = false;
    CheckSynced();
  });
}

void Manager::CheckSynced() {
  if (phase_ != ManagerPhase::kSyncing) return;
  const bool synced = (pods_->synced() || controllers_.empty()) &&
                      std::all_of(controllers_.begin(), controllers_.end(),
                                  [](const auto& controller) { return controller->synced(); });
  if (!synced) {
    sync_timer_.Set(loop_, kLookAgain, [this] { CheckSynced(); });
    return;
  }
  sync_timer_.Cancel();
  Step(ManagerEvent::kSynced);
  LOG(INFO) << "caches are filled: " << pods_->size() << " pods";
  if (elector_ != nullptr) return elector_->Start();
  gate_->OpenUntil(absl::InfiniteDuration());
  Lead();
}

void Manager::Lead() {
  if (!Step(ManagerEvent::kElected)) return;
  for (const std::unique_ptr<Controller>& controller : controllers_) {
    LOG(INFO) << "controller " << controller->name() << " starts";
    controller->Start();
  }
}

void Manager::Lose(const absl::Status& why) {
  if (!Step(ManagerEvent::kLeaseLost)) return;
  why_ = why;
  LOG(ERROR) << "the lease is lost, everything is dropped: " << why.message();
  ending_.reset();
  // Their calls to daemons first: those ask no gate.
  controllers_.clear();
  EndCalls();
  End(why);
}

void Manager::EndCalls() {
  gate_->Close();
  pods_->Stop();
  client_->Shutdown();
}

void Manager::End(const absl::Status& status) {
  loop_.Post([this, alive = alive_, status] {
    if (*alive && options_.ended) options_.ended(status);
  });
}

void Manager::Stop() {
  const bool led = phase_ == ManagerPhase::kRunning;
  if (!Step(ManagerEvent::kStop)) return;
  sync_timer_.Cancel();
  ending_ = std::make_unique<client::ShutdownSequence>(loop_);
  if (led) {
    ending_->Add("controllers", options_.stop_controllers + kSlack,
                 [this](auto done) { StopControllers(std::move(done)); });
    ending_->Add("events", options_.flush_events + kSlack,
                 [this](auto done) { events_->Flush(options_.flush_events, std::move(done)); });
  }
  ending_->Add("caches", kSlack, [this](auto done) {
    controllers_.clear();
    EndCalls();
    done(absl::OkStatus());
  });
  if (elector_ != nullptr) {
    ending_->Add("lease", options_.release_lease,
                 [this](auto done) { elector_->Release(std::move(done)); });
  }
  ending_->Run(
      [](const std::string& name, const absl::Status& status, absl::Duration took) {
        if (status.ok()) {
          VLOG(1) << "end of " << name << " took " << absl::FormatDuration(took);
        } else {
          LOG(WARNING) << "end of " << name << ": " << status.message();
        }
      },
      [this, alive = alive_](const absl::Status& status) {
        if (*alive && Step(ManagerEvent::kStopped)) End(status);
      });
}

void Manager::StopControllers(client::ShutdownSequence::StepDone done) {
  struct All {
    size_t left = 0;
    absl::Status failed;
    client::ShutdownSequence::StepDone done;
  };
  const auto all = std::make_shared<All>();
  // One more than there are: the last one may end before the next is asked.
  all->left = controllers_.size() + 1;
  all->done = std::move(done);
  const auto one = [all](const absl::Status& status) {
    all->failed.Update(status);
    if (--all->left == 0) all->done(all->failed);
  };
  for (const std::unique_ptr<Controller>& controller : controllers_) {
    controller->Stop(options_.stop_controllers, [one, name = std::string(controller->name())](
                                                    const absl::Status& status) {
      one(status.ok() ? status
                      : absl::Status(status.code(), absl::StrCat(name, ": ", status.message())));
    });
  }
  one(absl::OkStatus());
}

void Manager::OnCall(const client::CallReport& report) {
  metrics_.ObserveCall(report);
  if (!report.status.ok() && report.verb != "watch") {
    VLOG(1) << report.verb << " of " << report.resource.plural << ": "
            << PrintableText(report.status.message());
  }
  for (const std::string& warning : report.warnings) {
    if (warned_.size() < kMostWarnings && warned_.insert(warning).second) {
      LOG(WARNING) << "the API server warns: " << PrintableText(warning);
    }
  }
  CheckSyncedSoon();
}

ManagerState Manager::state() const {
  ManagerState out;
  out.phase = phase_;
  out.why = why_;
  out.identity = options_.identity;
  if (elector_ != nullptr) {
    out.election = true;
    out.lease = options_.election->lease.Text();
    out.leader = elector_->leader();
    out.election_error = elector_->last_error();
    out.leading = elector_->leading();
  } else {
    out.leading = phase_ == ManagerPhase::kRunning;
  }
  if (pods_->reflector().state() != client::ReflectorState::kIdle) {
    out.caches.push_back(StateOfCache("pods", *pods_));
  }
  if (options_.caches) {
    for (CacheState& cache : options_.caches()) out.caches.push_back(std::move(cache));
  }
  for (const std::unique_ptr<Controller>& controller : controllers_) {
    ManagerState::OneController one;
    one.name = std::string(controller->name());
    one.synced = controller->synced();
    one.health = controller->health();
    one.caches = controller->caches();
    for (const client::ControlLoop* loop : controller->loops()) {
      one.counters.done += loop->counters().done;
      one.counters.again += loop->counters().again;
      one.counters.retry += loop->counters().retry;
      one.counters.terminal += loop->counters().terminal;
      // What is under way is not due.
      one.due += loop->queue().due();
      one.waiting += loop->queue().waiting();
      one.working += loop->running();
    }
    out.controllers.push_back(std::move(one));
  }
  out.events = events_->counters();
  out.events_suppressed = events_->suppressed();
  out.events_waiting = events_->waiting();
  return out;
}

}  // namespace rekindle
