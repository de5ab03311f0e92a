#include "controller/app/command_line.h"

#include <set>

#include <gmock/gmock.h>

#include "controller/app/controllers.h"
#include "controller/app/feature_gates.h"

namespace rekindle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Action = ControllerCommandLine::Action;

absl::StatusOr<ControllerCommandLine> Parse(const std::vector<std::string>& args) {
  return ParseControllerCommandLine(args, "1.2.3");
}

std::string Error(const std::vector<std::string>& args) {
  const auto line = Parse(args);
  EXPECT_EQ(line.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(line.status().message());
}

TEST(ControllerCommandLineTest, Serve) {
  const auto line = Parse({"--embedded", "--data-dir", "/d", "--listen", "[::1]:0", "--name", "a",
                           "--name", "b", "--token-file", "/t", "--keep-history", "90s"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->action, Action::kServe);
  EXPECT_EQ(line->embedded.data_dir, "/d");
  EXPECT_EQ(line->embedded.address, "::1");
  EXPECT_EQ(line->embedded.port, 0);
  EXPECT_THAT(line->embedded.names, ElementsAre("a", "b"));
  EXPECT_EQ(line->embedded.token_file, "/t");
  EXPECT_EQ(line->embedded.keep_history, absl::Seconds(90));
  EXPECT_EQ(line->embedded.keep_events, absl::Hours(1));
  EXPECT_TRUE(line->run.embedded);
  const auto defaults = Parse({"--embedded"});
  ASSERT_TRUE(defaults.ok());
  EXPECT_EQ(defaults->embedded.data_dir, "/var/lib/rekindle-controller");
  EXPECT_EQ(defaults->embedded.address, "127.0.0.1");
  EXPECT_EQ(defaults->embedded.port, 6443);
}

TEST(ControllerCommandLineTest, Commands) {
  const auto backup = Parse({"backup", "/f", "--data-dir", "/d"});
  ASSERT_TRUE(backup.ok()) << backup.status();
  EXPECT_EQ(backup->action, Action::kBackup);
  EXPECT_EQ(backup->file, "/f");
  EXPECT_EQ(backup->embedded.data_dir, "/d");
  const auto restore = Parse({"--data-dir", "/d", "restore", "/f"});
  ASSERT_TRUE(restore.ok()) << restore.status();
  EXPECT_EQ(restore->action, Action::kRestore);
  EXPECT_EQ(restore->embedded.data_dir, "/d");
  const auto config = Parse({"kubeconfig", "--user", "u", "--group", "g", "--group", "h"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->action, Action::kKubeconfig);
  EXPECT_THAT(config->groups, ElementsAre("g", "h"));
}

TEST(ControllerCommandLineTest, HelpAndVersion) {
  EXPECT_EQ(Parse({"--version"})->text, "rekindle-controller 1.2.3\n");
  const auto help = Parse({"--help"});
  ASSERT_TRUE(help.ok());
  EXPECT_EQ(help->action, Action::kPrint);
  for (const char* word : {"--embedded",
                           "--listen",
                           "--data-dir",
                           "backup",
                           "restore",
                           "kubeconfig",
                           "--keep-history",
                           "--kubeconfig",
                           "--context",
                           "--namespace",
                           "--controllers",
                           "--feature-gates",
                           "KruisePodReadinessGate=true|false (Alpha, default=false)",
                           "--leader-elect",
                           "--leader-elect-lease-duration",
                           "--kube-api-qps",
                           "--kube-api-burst",
                           "--tls-cert",
                           "--tls-key",
                           "--tls-ca",
                           "--node-connections",
                           "--metrics-listen",
                           "--metrics-allow-remote",
                           "--verbosity"}) {
    EXPECT_THAT(help->text, HasSubstr(word));
  }
  EXPECT_THAT(Parse({"backup", "--help"})->text, HasSubstr("FILE"));
}

TEST(ControllerCommandLineTest, ItsOwnServerIsNotHeldBack) {
  const auto defaults = Parse({"--embedded"});
  ASSERT_TRUE(defaults.ok()) << defaults.status();
  EXPECT_EQ(defaults->run.api_qps, 10'000);
  EXPECT_EQ(defaults->run.api_burst, 10'000);
  const auto asked = Parse({"--embedded", "--kube-api-qps", "50", "--kube-api-burst", "100"});
  ASSERT_TRUE(asked.ok()) << asked.status();
  EXPECT_EQ(asked->run.api_qps, 50);
  EXPECT_EQ(asked->run.api_burst, 100);
}

// On a cluster, with what the daemons are shown.
absl::StatusOr<ControllerCommandLine> Cluster(std::vector<std::string> args) {
  for (const char* flag : {"--tls-cert=/c", "--tls-key=/k", "--tls-ca=/a"}) args.emplace_back(flag);
  return Parse(args);
}

TEST(ControllerCommandLineTest, OnACluster) {
  const auto defaults = Cluster({});
  ASSERT_TRUE(defaults.ok()) << defaults.status();
  EXPECT_EQ(defaults->action, Action::kServe);
  const RunOptions& run = defaults->run;
  EXPECT_FALSE(run.embedded);
  EXPECT_EQ(run.kubeconfig + run.context + run.name_space + run.lease_name_space, "");
  EXPECT_TRUE(run.leader_elect);
  EXPECT_EQ(run.lease_name, "rekindle-controller");
  EXPECT_EQ(run.lease_times.lease, absl::Seconds(15));
  EXPECT_EQ(run.lease_times.renew_deadline, absl::Seconds(10));
  EXPECT_EQ(run.lease_times.retry, absl::Seconds(2));
  EXPECT_EQ(run.api_qps, 500);
  EXPECT_EQ(run.api_burst, 1000);
  EXPECT_EQ(run.node_connections, 5000U);
  EXPECT_TRUE(run.serve_metrics);
  EXPECT_EQ(run.metrics.host, "127.0.0.1");
  EXPECT_EQ(run.metrics.port, 10232);
  EXPECT_EQ(run.webhook_linger, absl::Seconds(5));
  EXPECT_EQ(run.controllers, AvailableControllers(false));
  const auto line = Parse({"--kubeconfig",
                           "/k",
                           "--context",
                           "c",
                           "--namespace",
                           "n",
                           "--leader-elect-lease-duration",
                           "60s",
                           "--leader-elect-renew-deadline",
                           "40s",
                           "--leader-elect-retry-period",
                           "5s",
                           "--leader-elect-resource-name",
                           "r",
                           "--leader-elect-resource-namespace",
                           "rn",
                           "--kube-api-qps",
                           "7.5",
                           "--webhook-linger",
                           "0s",
                           "--kube-api-burst",
                           "9",
                           "--tls-cert",
                           "/c",
                           "--tls-key",
                           "/y",
                           "--tls-ca",
                           "/a",
                           "--node-connections",
                           "0",
                           "--metrics-listen",
                           ":0",
                           "--metrics-allow-remote",
                           "-v",
                           "2",
                           "--controllers=-*"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->run.kubeconfig, "/k");
  EXPECT_EQ(line->run.context, "c");
  EXPECT_EQ(line->run.name_space, "n");
  EXPECT_EQ(line->run.lease_times.lease, absl::Seconds(60));
  EXPECT_EQ(line->run.lease_times.renew_deadline, absl::Seconds(40));
  EXPECT_EQ(line->run.lease_times.retry, absl::Seconds(5));
  EXPECT_EQ(line->run.lease_name, "r");
  EXPECT_EQ(line->run.lease_name_space, "rn");
  EXPECT_EQ(line->run.api_qps, 7.5);
  EXPECT_EQ(line->run.api_burst, 9);
  EXPECT_EQ(line->run.webhook_linger, absl::ZeroDuration());
  EXPECT_EQ(line->run.tls_cert + line->run.tls_key + line->run.tls_ca, "/c/y/a");
  EXPECT_EQ(line->run.node_connections, 0U);
  EXPECT_EQ(line->run.metrics.host, "");
  EXPECT_EQ(line->run.metrics.port, 0);
  EXPECT_TRUE(line->run.metrics_allow_remote);
  EXPECT_EQ(line->verbosity, 2);
  EXPECT_THAT(line->run.controllers, ElementsAre());
}

TEST(ControllerCommandLineTest, FeatureGates) {
  const auto gates = [](const std::vector<std::string>& args) {
    const auto line = Cluster(args);
    EXPECT_TRUE(line.ok()) << line.status();
    return line.ok() ? FeatureGatesText(line->run.gates) : "";
  };
  EXPECT_EQ(gates({}), "KruisePodReadinessGate=false,PodWebhook=true");
  EXPECT_EQ(gates({"--feature-gates=KruisePodReadinessGate=true"}),
            "KruisePodReadinessGate=true,PodWebhook=true");
  EXPECT_EQ(gates({"--feature-gates", "KruisePodReadinessGate=True, PodWebhook=TRUE"}),
            "KruisePodReadinessGate=true,PodWebhook=true");
  // The last of a name counts; a flag takes no more than one value.
  EXPECT_EQ(gates({"--feature-gates=PodWebhook=false", "--feature-gates=PodWebhook=true"}),
            "KruisePodReadinessGate=false,PodWebhook=true");
  // Forced (spec container-recreate 13.1), in whatever order.
  EXPECT_EQ(gates({"--feature-gates=KruisePodReadinessGate=true,PodWebhook=false"}),
            "KruisePodReadinessGate=false,PodWebhook=false");
  const auto embedded = Parse({"--embedded", "--feature-gates", "KruisePodReadinessGate=true"});
  ASSERT_TRUE(embedded.ok()) << embedded.status();
  EXPECT_TRUE(embedded->embedded.gates.ready_gate_for_all);
}

TEST(ControllerCommandLineTest, ElectionAndMetricsCanBeOff) {
  for (const char* off : {"--leader-elect=false", "--no-leader-elect"}) {
    const auto line = Cluster({off, "--metrics-listen", "off"});
    ASSERT_TRUE(line.ok()) << line.status();
    EXPECT_FALSE(line->run.leader_elect) << off;
    EXPECT_FALSE(line->run.serve_metrics);
  }
  EXPECT_TRUE(Cluster({"--leader-elect"})->run.leader_elect);
  EXPECT_TRUE(Cluster({"--leader-elect=true"})->run.leader_elect);
  EXPECT_FALSE(Parse({"--embedded"})->run.leader_elect);
  for (const char* loopback : {"127.0.0.1:1", "127.1.2.3:1", "[::1]:1"}) {
    EXPECT_TRUE(Cluster({"--metrics-listen", loopback}).ok()) << loopback;
  }
}

TEST(ControllerCommandLineTest, MistakesNameTheFlag) {
  const struct {
    std::vector<std::string> args;
    const char* text;
  } cases[] = {
      {{"--embedded", "--listen", "6443"}, "--listen"},
      {{"--embedded", "--listen", "127.0.0.1:70000"}, "--listen"},
      {{"--embedded", "--keep-history", "1s"}, "at least 10s"},
      {{"--embedded", "--keep-events", "soon"}, "--keep-events"},
      {{"--embedded", "--nonsense"}, "--nonsense"},
      {{"backup"}, "FILE"},
      {{"--embedded", "--data-dir", ""}, "--data-dir"},
      {{"backup", "f", "--data-dir", ""}, "--data-dir"},
      // What belongs to the other deployment.
      {{"--data-dir", "/d"}, "--data-dir: needs --embedded"},
      {{"--listen", "127.0.0.1:1"}, "--listen: needs --embedded"},
      {{"--name", "x"}, "--name: needs --embedded"},
      {{"--token-file", "x"}, "--token-file: needs --embedded"},
      {{"--keep-events", "1h"}, "--keep-events: needs --embedded"},
      {{"--embedded", "--kubeconfig", "k"}, "--kubeconfig: is of no use with --embedded"},
      {{"--embedded", "--context", "k"}, "--context: is of no use with --embedded"},
      {{"--embedded", "--leader-elect"}, "--leader-elect: is of no use with --embedded"},
      {{"--embedded", "--leader-elect-resource-name", "n"}, "--leader-elect-resource-name"},
      {{"--embedded", "--webhook-listen", ":1"}, "--webhook-listen: is of no use"},
      {{"--embedded", "--controllers", "webhooks"}, "\"webhooks\" is no controller of this mode"},
      {{"--controllers", "nodes"}, "\"nodes\" is no controller of this mode"},
      {{"--webhook-listen", "x"}, "--webhook-listen"},
      {{"--embedded", "--webhook-linger", "1s"}, "--webhook-linger: is of no use"},
      {{"--webhook-linger", "5"}, "--webhook-linger"},
      {{}, "--tls-cert: is needed for the controller \"recreate\""},
      {{"--embedded", "--local-daemon", "/run/x.sock"}, "--local-daemon: \"/run/x.sock\" must be"},
      {{"--embedded", "--node-listen", ":7443"}, "--node-listen: needs --tls-cert"},
      // Values.
      {{"--controllers", "*,nonsense"}, "--controllers: \"nonsense\" is no controller"},
      {{"--feature-gates", "Nonsense=true"}, "--feature-gates: \"Nonsense\" is no feature gate"},
      {{"--feature-gates", "podwebhook=true"}, "there are: KruisePodReadinessGate, PodWebhook"},
      {{"--feature-gates", "PodWebhook"}, "must be PodWebhook=true or PodWebhook=false"},
      {{"--feature-gates", "PodWebhook=maybe"}, "\"PodWebhook=maybe\" must be"},
      {{"--namespace", "A b"}, "--namespace: \"A b\" is no name"},
      {{"--leader-elect-resource-name", "../x"}, "--leader-elect-resource-name"},
      {{"--leader-elect-resource-namespace", "/"}, "--leader-elect-resource-namespace"},
      {{"--leader-elect-lease-duration", "20"}, "--leader-elect-lease-duration"},
      {{"--leader-elect-lease-duration", "20500ms"}, "must be whole seconds"},
      {{"--leader-elect-lease-duration", "14s"}, "at least 5s less than"},
      {{"--leader-elect-renew-deadline", "11s"}, "--leader-elect-renew-deadline"},
      {{"--leader-elect-renew-deadline", "2400ms"}, "--leader-elect-retry-period"},
      {{"--leader-elect-retry-period", "0"}, "--leader-elect-retry-period"},
      {{"--kube-api-qps", "0"}, "--kube-api-qps: must be from 0.1 to"},
      {{"--kube-api-qps", "nan"}, "--kube-api-qps"},
      {{"--node-connections", "-1"}, "--node-connections"},
      {{"--node-connections", "100001"}, "--node-connections"},
      {{"--kube-api-qps", "many"}, "--kube-api-qps"},
      {{"--kube-api-burst", "0.5"}, "--kube-api-burst: must be from 1 to"},
      {{"--tls-cert", "c"}, "--tls-key: --tls-cert, --tls-key and --tls-ca go together"},
      {{"--tls-key", "k", "--tls-ca", "a"}, "--tls-cert: "},
      {{"--metrics-listen", "10232"}, "--metrics-listen"},
      {{"--metrics-listen", ":10232"}, "--metrics-allow-remote"},
      {{"--metrics-listen", "0.0.0.0:1"}, "is not a loopback address"},
      {{"--metrics-listen", "127.0.0.1:x"}, "--metrics-listen: the port"},
      {{"--verbosity", "4"}, "--verbosity"},
  };
  for (const auto& row : cases) {
    EXPECT_THAT(Error(row.args), HasSubstr(row.text)) << ::testing::PrintToString(row.args);
  }
}

TEST(ControllerTableTest, HasEachNameOnce) {
  std::set<absl::string_view> names;
  for (const ControllerEntry& entry : ControllerTable()) {
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
    EXPECT_FALSE(entry.what.empty()) << entry.name;
    EXPECT_NE(entry.make, nullptr) << entry.name;
    EXPECT_THAT(DescribeControllers(), HasSubstr(std::string(entry.name)));
  }
}

}  // namespace
}  // namespace rekindle
