#include "tests/bench/api/api_bench.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <nlohmann/json.hpp>

#include "common/base/asio_loop.h"
#include "common/base/blocking.h"
#include "common/base/status_macros.h"
#include "common/client/access.h"
#include "common/client/config/kubeconfig.h"
#include "common/client/decoders.h"
#include "common/client/informer.h"
#include "common/json/tree.h"
#include "tests/bench/api/load.h"
#include "tests/bench/api/servers.h"
#include "tests/bench/client/pod_pages.h"
#include "tests/fakes/await.h"

namespace rekindle::bench {
namespace {

using client::ObjectKey;
using conformance::Answer;
using conformance::Request;

constexpr char kBench[] = "api";
constexpr char kPeer[] = "kube-apiserver with etcd";
constexpr int kClients = 16;
constexpr int64_t kPrepared = 5000;
constexpr int kNamespaces = 20;  // of RealisticPod
constexpr int64_t kPodsOfNode = 100;
constexpr int64_t kPage = 500;
constexpr int kLists = 3;
constexpr absl::Duration kPatience = absl::Minutes(5);

// What is measured of one server.
struct Figures {
  double create_us = 0;  // processor and disk time of both sides in one request, at 16 at a time
  double create_p99 = 0;
  double status_us = 0;
  double resident_mib = 0;
  double list_s = 0;
  double get_p50 = 0;
  double get_p99 = 0;
  double get_16_us = 0;
  double get_16_p99 = 0;
  double change_p50 = 0;
  double change_p99 = 0;
  double change_cpu_us = 0;  // of the server alone, its watches included
};

std::string PathOf(const Json& pod) {
  return absl::StrCat("/api/v1/namespaces/", json::String(pod, {"metadata", "namespace"}), "/pods/",
                      json::String(pod, {"metadata", "name"}));
}

// A pod as its owner would create it. The owner itself is left out: it does not exist, and a
// server that collects garbage would take the pod away.
Json PodToCreate(int64_t index) {
  Json pod = Json::parse(RealisticPod(index, 0));
  for (const char* field : {"uid", "resourceVersion", "creationTimestamp", "ownerReferences",
                            "generateName", "managedFields"}) {
    pod["metadata"].erase(field);
  }
  pod["apiVersion"] = "v1";
  pod["kind"] = "Pod";
  return pod;
}

Request Creation(int64_t index) {
  const Json pod = PodToCreate(index);
  const std::string path = PathOf(pod);
  return {.method = "POST",
          .path = path.substr(0, path.rfind('/')),
          .headers = {{"Content-Type", "application/json"}},
          .body = json::Dump(pod),
          .parse = false};
}

Request StatusUpdate(int64_t index) {
  const Json pod = PodToCreate(index);
  return {.method = "PATCH",
          .path = PathOf(pod) + "/status",
          .headers = {{"Content-Type", "application/merge-patch+json"}},
          .body = json::Dump({{"status", pod["status"]}}),
          .parse = false};
}

// Goes through all pods in an order that is none.
int64_t Scattered(int64_t index, int64_t pods) { return index * 7919 % pods; }

absl::Status MakeNamespaces(const conformance::Endpoint& endpoint) {
  const Load load = {.requests = kNamespaces, .request = [](int64_t index) {
                       const Json made = {{"metadata", {{"name", absl::StrCat("team-", index)}}}};
                       return Request{.method = "POST",
                                      .path = "/api/v1/namespaces",
                                      .headers = {{"Content-Type", "application/json"}},
                                      .body = json::Dump(made)};
                     }};
  return Run(endpoint, load).status();
}

// Requests of 16 clients, made before the clock runs: a part of them at a time.
absl::StatusOr<LoadResult> RunPrepared(const conformance::Endpoint& endpoint, int64_t count,
                                       Request (*make)(int64_t)) {
  LoadResult out;
  for (int64_t first = 0; first < count; first += kPrepared) {
    std::vector<Request> requests;
    for (int64_t i = first; i < std::min(first + kPrepared, count); ++i)
      requests.push_back(make(i));
    const Load load = {
        .clients = kClients,
        .requests = static_cast<int64_t>(requests.size()),
        .request = [&](int64_t index) { return std::move(requests[static_cast<size_t>(index)]); }};
    RK_ASSIGN_OR_RETURN(const LoadResult part, Run(endpoint, load));
    out.seconds += part.seconds;
    out.milliseconds.insert(out.milliseconds.end(), part.milliseconds.begin(),
                            part.milliseconds.end());
  }
  std::sort(out.milliseconds.begin(), out.milliseconds.end());
  return out;
}

absl::Status Fill(const conformance::Endpoint& endpoint, int64_t pods, Figures& out) {
  RK_RETURN_IF_ERROR(MakeNamespaces(endpoint));
  RK_ASSIGN_OR_RETURN(const LoadResult created, RunPrepared(endpoint, pods, Creation));
  out.create_us = 1e6 / created.PerSecond();
  out.create_p99 = created.At(0.99);
  RK_ASSIGN_OR_RETURN(const LoadResult updated, RunPrepared(endpoint, pods, StatusUpdate));
  out.status_us = 1e6 / updated.PerSecond();
  return absl::OkStatus();
}

absl::Status ReadAll(const conformance::Endpoint& endpoint, int64_t pods, Figures& out) {
  std::vector<double> seconds;
  for (int round = 0; round < kLists; ++round) {
    conformance::Http http(endpoint);
    std::string more;
    int64_t pages = 0;
    const absl::Time start = absl::Now();
    do {
      RK_ASSIGN_OR_RETURN(const Answer page,
                          http.Call({.path = absl::StrCat("/api/v1/pods?limit=", kPage,
                                                          more.empty() ? "" : "&continue=", more),
                                     .parse = false}));
      if (page.status != 200) return absl::InternalError(absl::StrCat("list: ", page.body));
      ++pages;
      // At the beginning of the answer in one server's, anywhere in another's.
      static const std::string kContinue = "\"continue\":\"";
      const size_t at = page.body.find(kContinue);
      const size_t end = page.body.find('"', at + kContinue.size());
      more = at == std::string::npos
                 ? ""
                 : page.body.substr(at + kContinue.size(), end - at - kContinue.size());
    } while (!more.empty());
    seconds.push_back(absl::ToDoubleSeconds(absl::Now() - start));
    if (pages != (pods + kPage - 1) / kPage) {
      return absl::InternalError(absl::StrCat(pages, " pages of pods"));
    }
  }
  std::sort(seconds.begin(), seconds.end());
  out.list_s = seconds[seconds.size() / 2];
  return absl::OkStatus();
}

absl::Status ReadEach(const conformance::Endpoint& endpoint, const ApiBenchSettings& settings,
                      Figures& out) {
  std::vector<std::string> paths;
  for (int64_t i = 0; i < std::min<int64_t>(settings.reads, 10'000); ++i) {
    paths.push_back(PathOf(PodToCreate(Scattered(i, settings.pods))));
  }
  Load load = {.requests = settings.reads, .request = [&](int64_t index) {
                 return Request{.path = paths[static_cast<size_t>(index) % paths.size()],
                                .parse = false};
               }};
  RK_ASSIGN_OR_RETURN(const LoadResult one, Run(endpoint, load));
  out.get_p50 = one.At(0.5);
  out.get_p99 = one.At(0.99);
  load.clients = kClients;
  RK_ASSIGN_OR_RETURN(const LoadResult many, Run(endpoint, load));
  out.get_16_us = 1e6 / many.PerSecond();
  out.get_16_p99 = many.At(0.99);
  return absl::OkStatus();
}

// The resourceVersion of an object's text; the client's processor time is not to count much.
int64_t VersionIn(const std::string& body) {
  static const std::string kName = "\"resourceVersion\":\"";
  const size_t at = body.find(kName);
  if (at == std::string::npos) return 0;
  return std::strtoll(body.c_str() + at + kName.size(), nullptr, 10);
}

// A program that follows all pods, and when it has heard of which of their versions.
class CachedClient {
 public:
  absl::Status Open(const std::string& kubeconfig, int64_t pods) {
    client::ConfigSources sources;
    sources.kubeconfig = kubeconfig;
    RK_ASSIGN_OR_RETURN(const client::ClientConfig config, client::LoadClientConfig(sources));
    absl::Status status;
    RunOn(loop_, [&] {
      absl::StatusOr<std::unique_ptr<client::ApiAccess>> access =
          client::ApiAccess::Open(loop_, blocking_, config);
      if (!access.ok()) {
        status = access.status();
        return;
      }
      access_ = *std::move(access);
      api_ = access_->NewClient({.requests_per_second = 1e6, .burst = 1e6});
      client::ReflectorOptions options = {.collection = {.resource = client::PodResource()}};
      informer_ = std::make_unique<client::Informer<api::PodRecord>>(*api_, std::move(options),
                                                                     client::PodDecoder());
      informer_->AddHandler({.updated = [this](const ObjectKey&, const auto&, const auto& now) {
        heard_[now->resource_version] = absl::Now();
      }});
      informer_->Start();
    });
    if (!status.ok()) return status;
    if (!AwaitOn(
            loop_, [&] { return informer_->synced(); }, kPatience)) {
      return absl::DeadlineExceededError("the cache is not filled");
    }
    size_t size = 0;
    RunOn(loop_, [&] { size = informer_->size(); });
    return size == static_cast<size_t>(pods)
               ? absl::OkStatus()
               : absl::InternalError(absl::StrCat(size, " pods in the cache"));
  }
  ~CachedClient() {
    RunOn(loop_, [&] {
      informer_.reset();
      api_.reset();
      access_.reset();
    });
  }

  // For each of the versions, the time from `sent` until the handler heard.
  absl::StatusOr<std::vector<double>> Latencies(
      const absl::flat_hash_map<int64_t, absl::Time>& sent) {
    const auto all = [&] {
      return std::all_of(sent.begin(), sent.end(),
                         [&](const auto& one) { return heard_.contains(one.first); });
    };
    if (!AwaitOn(loop_, all, kPatience)) {
      return absl::DeadlineExceededError("the cache has not heard of every change");
    }
    std::vector<double> out;
    RunOn(loop_, [&] {
      for (const auto& [version, time] : sent) {
        out.push_back(absl::ToDoubleMilliseconds(heard_.at(version) - time));
      }
    });
    std::sort(out.begin(), out.end());
    return out;
  }

 private:
  AsioLoop loop_{"api-bench"};
  BlockingPool blocking_{loop_, 1, "blocking"};
  std::unique_ptr<client::ApiAccess> access_;
  std::unique_ptr<client::ApiClient> api_;
  std::unique_ptr<client::Informer<api::PodRecord>> informer_;
  absl::flat_hash_map<int64_t, absl::Time> heard_;  // the loop's
};

absl::Status Change(const ApiServer& server, const ApiBenchSettings& settings, Figures& out) {
  std::vector<std::string> pods;
  for (int64_t i = 0; i < settings.changes; ++i) {
    pods.push_back(PathOf(PodToCreate(Scattered(i, settings.pods))));
  }
  CachedClient cached;
  RK_RETURN_IF_ERROR(cached.Open(server.kubeconfig(), settings.pods));
  std::vector<std::string> paths;
  for (int i = 0; i < settings.watchers; ++i) {
    const Json pod = PodToCreate(i * kPodsOfNode % settings.pods);
    paths.push_back(absl::StrCat("/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3D",
                                 json::String(pod, {"spec", "nodeName"})));
  }
  RK_ASSIGN_OR_RETURN(const std::unique_ptr<Watchers> watchers,
                      Watchers::Open(server.endpoint(), paths));
  std::mutex mutex;
  absl::flat_hash_map<int64_t, absl::Time> sent;
  const Load load = {
      .clients = kClients,
      .requests = settings.changes,
      .per_second = settings.changes_per_second,
      .request =
          [&](int64_t index) {
            return Request{
                .method = "PATCH",
                .path = pods[static_cast<size_t>(index)],
                .headers = {{"Content-Type", "application/merge-patch+json"}},
                .body = absl::StrCat(R"({"metadata":{"annotations":{"change":")", index, R"("}}})"),
                .parse = false};
          },
      .answered =
          [&](const Answer& answer, absl::Time at) {
            const int64_t version = VersionIn(answer.body);
            std::lock_guard<std::mutex> lock(mutex);
            sent[version] = at;
          }};
  RK_ASSIGN_OR_RETURN(const Usage before, server.Used());
  RK_RETURN_IF_ERROR(Run(server.endpoint(), load).status());
  RK_ASSIGN_OR_RETURN(const std::vector<double> latencies, cached.Latencies(sent));
  RK_ASSIGN_OR_RETURN(const Usage after, server.Used());
  out.change_cpu_us = absl::ToDoubleMicroseconds(after.processor_time - before.processor_time) /
                      static_cast<double>(settings.changes);
  out.change_p50 = latencies[latencies.size() / 2];
  out.change_p99 = latencies[latencies.size() * 99 / 100];
  return absl::OkStatus();
}

absl::StatusOr<Figures> Measure(const ApiServer& server, const ApiBenchSettings& settings) {
  Figures out;
  const conformance::Endpoint endpoint = server.endpoint();
  RK_RETURN_IF_ERROR(Fill(endpoint, settings.pods, out));
  RK_RETURN_IF_ERROR(ReadEach(endpoint, settings, out));
  RK_RETURN_IF_ERROR(ReadAll(endpoint, settings.pods, out));
  // After the reads, for which one of them keeps more in memory than before.
  RK_ASSIGN_OR_RETURN(const Usage used, server.Used());
  out.resident_mib = static_cast<double>(used.resident_bytes) / (1 << 20);
  RK_RETURN_IF_ERROR(Change(server, settings, out));
  return out;
}

struct Metric {
  const char* name;
  const char* unit;
  double Figures::*figure;
  std::optional<double> limit;  // of the embedded server alone
};

const Metric kMetrics[] = {
    {"create_16_clients", "us", &Figures::create_us, 1000},
    {"create_16_clients_p99", "ms", &Figures::create_p99, std::nullopt},
    {"status_16_clients", "us", &Figures::status_us, 1000},
    {"resident_memory", "MiB", &Figures::resident_mib, std::nullopt},
    {"list_in_pages", "s", &Figures::list_s, std::nullopt},
    {"get_median", "ms", &Figures::get_p50, std::nullopt},
    {"get_p99", "ms", &Figures::get_p99, 5},
    {"get_16_clients", "us", &Figures::get_16_us, std::nullopt},
    {"get_16_clients_p99", "ms", &Figures::get_16_p99, std::nullopt},
    {"change_to_handler_median", "ms", &Figures::change_p50, std::nullopt},
    {"change_to_handler_p99", "ms", &Figures::change_p99, 50},
    {"change_server_cpu", "us", &Figures::change_cpu_us, std::nullopt},
};

}  // namespace

absl::Status ApiBench(const ApiBenchSettings& settings, Results& results) {
  Figures own;
  {
    RK_ASSIGN_OR_RETURN(const std::unique_ptr<ApiServer> server, StartEmbedded(settings.program));
    RK_ASSIGN_OR_RETURN(own, Measure(*server, settings));
  }
  for (const Metric& metric : kMetrics) {
    if (!metric.limit.has_value() && settings.peer) continue;  // it has a row below
    RK_RETURN_IF_ERROR(results.Add({.bench = kBench,
                                    .metric = absl::StrCat("embedded_", metric.name),
                                    .value = own.*metric.figure,
                                    .unit = metric.unit,
                                    .limit = metric.limit}));
  }
  if (!settings.peer) return absl::OkStatus();
  RK_ASSIGN_OR_RETURN(const std::unique_ptr<ApiServer> server, StartKubeApiserver());
  RK_ASSIGN_OR_RETURN(const Figures peer, Measure(*server, settings));
  for (const Metric& metric : kMetrics) {
    RK_RETURN_IF_ERROR(results.Add({.bench = kBench,
                                    .metric = metric.name,
                                    .value = own.*metric.figure,
                                    .unit = metric.unit,
                                    .reference = {{"peer", kPeer, peer.*metric.figure}}}));
  }
  return absl::OkStatus();
}

}  // namespace rekindle::bench
