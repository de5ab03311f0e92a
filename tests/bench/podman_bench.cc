#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "tests/bench/bench.h"
#include "tests/bench/recording_proxy.h"
#include "tests/bench/restart_call.h"
#include "tests/measure/stats.h"
#include "tests/measure/swap.h"

namespace rekindle::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kPort = 8080;
constexpr char kServer[] = "localhost/server:1";
constexpr char kPause[] = "localhost/pause:1";
constexpr char kPodName[] = "peer";
constexpr char kContainer[] = "peer-main";

// Podman with everything it keeps inside the bed's directory, its pod in the bed's cgroup and on
// the bed's bridge: the machine's own podman sees nothing of it. The destructor removes the pod; of
// a bench that is killed the next bed's sweep takes everything but podman's network namespace.
class Podman {
 public:
  explicit Podman(const bed::Bed& bed) : bed_(bed), dir_(bed.dir() + "/podman") {}
  ~Podman() { Run({"pod", "rm", "--force", "--time", "0", kPodName}).IgnoreError(); }

  absl::Status Prepare() {
    std::error_code error;
    fs::create_directories(dir_, error);
    RK_RETURN_IF_ERROR(bed::WriteFile(
        dir_ + "/containers.conf",
        absl::StrCat("[network]\nnetwork_backend = \"cni\"\n",
                     "cni_plugin_dirs = [\"/usr/lib/cni\"]\nnetwork_config_dir = \"", bed_.dir(),
                     "/cni\"\n[engine]\nevents_logger = \"none\"\n",
                     "cgroup_manager = \"cgroupfs\"\ntmp_dir = \"", dir_, "/tmp\"\n",
                     // Podman's own defaults need CAP_SYS_RESOURCE, which not every host gives.
                     "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", ",
                     "\"nproc=1024:1024\"]\n")));
    RK_RETURN_IF_ERROR(bed::WriteFile(
        dir_ + "/storage.conf", absl::StrCat("[storage]\ndriver = \"vfs\"\ngraphroot = \"", dir_,
                                             "/root\"\nrunroot = \"", dir_, "/run\"\n")));
    RK_RETURN_IF_ERROR(Import("server", RK_TEST_SERVER, kServer));
    return Import("pause", RK_TEST_PAUSE, kPause);
  }

  // A pod as the CRI one: a pause program that holds the namespaces, the server in it.
  absl::StatusOr<bed::Pod> RunPod() {
    std::string network = bed::NetworkName(bed_.id());
    RK_RETURN_IF_ERROR(
        Run({"pod", "create", "--name", kPodName, "--network", network, "--infra-image", kPause,
             "--infra-command", "/program", "--cgroup-parent",
             absl::StrCat("/", bed::CgroupName(bed_.id()), "/podman")})
            .status());
    RK_RETURN_IF_ERROR(Run({"run", "--detach", "--pod", kPodName, "--name", kContainer,
                            "--log-driver", "none", kServer, "serve"})
                           .status());
    RK_ASSIGN_OR_RETURN(std::string infra,
                        Run({"pod", "inspect", "--format", "{{.InfraContainerID}}", kPodName}));
    RK_ASSIGN_OR_RETURN(
        std::string ip,
        Run({"inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
             std::string(absl::StripAsciiWhitespace(infra))}));
    bed::Pod pod;
    pod.ip = std::string(absl::StripAsciiWhitespace(ip));
    return pod;
  }

  absl::Status Restart() { return Run({"restart", "--time", "30", kContainer}).status(); }

 private:
  absl::StatusOr<std::string> Run(const std::vector<std::string>& arguments) const {
    std::vector<std::string> argv = {
        "env",
        absl::StrCat("CONTAINERS_CONF=", dir_, "/containers.conf"),
        absl::StrCat("CONTAINERS_STORAGE_CONF=", dir_, "/storage.conf"),
        "podman",
        "--root",
        dir_ + "/root",
        "--runroot",
        dir_ + "/run"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return bed::RunCommand(argv, absl::Minutes(1));
  }

  // An image whose only file is the program.
  absl::Status Import(const std::string& name, const std::string& program,
                      const std::string& image) {
    std::string root = absl::StrCat(dir_, "/", name);
    std::error_code error;
    fs::create_directories(root, error);
    fs::copy_file(program, root + "/program", fs::copy_options::overwrite_existing, error);
    if (error) return absl::UnavailableError(absl::StrCat(program, ": ", error.message()));
    RK_RETURN_IF_ERROR(
        bed::RunCommand({"tar", "-C", root, "-cf", root + ".tar", "."}, absl::Minutes(1)).status());
    return Run({"import", "--change", "ENTRYPOINT [\"/program\"]", root + ".tar", image}).status();
  }

  const bed::Bed& bed_;
  const std::string dir_;
};

}  // namespace

absl::Status PodmanBench(const Settings& settings, Results* results) {
  RK_ASSIGN_OR_RETURN(std::unique_ptr<bed::Bed> bed, bed::Bed::Up());
  RK_ASSIGN_OR_RETURN(std::unique_ptr<measure::Daemon> daemon,
                      measure::Daemon::Start(bed.get(), settings.programs));
  RK_ASSIGN_OR_RETURN(bed::Pod pod, bed->RunPod({}));
  RestartCaller caller(*daemon);
  Podman podman(*bed);
  RK_RETURN_IF_ERROR(podman.Prepare());
  RK_ASSIGN_OR_RETURN(bed::Pod peer, podman.RunPod());
  std::vector<double> gaps;
  std::vector<double> peers;
  // In turn, so that whatever else the machine does meets both alike.
  for (int i = 0; i < settings.rounds; ++i) {
    RK_ASSIGN_OR_RETURN(measure::ProbeResult theirs,
                        measure::Watch(peer, kPort, [&] { return podman.Restart(); }));
    peers.push_back(theirs.gap_ms);
    RK_ASSIGN_OR_RETURN(measure::ProbeResult ours,
                        measure::Watch(pod, kPort, [&] { return caller.Restart(pod, {"main"}); }));
    gaps.push_back(ours.gap_ms);
  }
  auto row = [](const char* metric, double value, double other) {
    return Row{.bench = "podman",
               .metric = metric,
               .value = value,
               .unit = "ms",
               .reference = Reference{"peer", "podman restart", other},
               .limit = std::nullopt};
  };
  RK_RETURN_IF_ERROR(
      results->Add(row("gap_median", measure::Median(gaps), measure::Median(peers))));
  return results->Add(
      row("gap_p99", measure::Quantile(gaps, 0.99), measure::Quantile(peers, 0.99)));
}

}  // namespace rekindle::bench
