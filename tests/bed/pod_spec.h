#ifndef REKINDLE_TEST_BED_POD_SPEC_H_
#define REKINDLE_TEST_BED_POD_SPEC_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cri/v1/api.pb.h"

namespace rekindle::bed {

namespace v1 = ::runtime::v1;

// The images of tests/images, imported into each bed.
inline constexpr char kPauseImage[] = "rekindle.test/pause:1";
inline constexpr char kBusyboxImage[] = "rekindle.test/busybox:1";
inline constexpr char kServerImage[] = "rekindle.test/server:1";
inline constexpr char kServerImage2[] = "rekindle.test/server:2";              // VERSION=2
inline constexpr char kServerIntImage[] = "rekindle.test/server-int:1";        // STOPSIGNAL SIGINT
inline constexpr char kServerVolumeImage[] = "rekindle.test/server-volume:1";  // VOLUME /data
inline constexpr char kServerUserImage[] = "rekindle.test/server-user:1";      // USER 1234:1234

struct MountSpec {
  std::string container_path;
  std::string host_path;
  bool read_only = false;
};

// What a test says about a container; everything left alone gets what a kubelet would send.
struct ContainerSpec {
  std::string name = "main";
  std::string image = kServerImage;
  std::vector<std::string> command;  // empty: the image's entry point
  std::vector<std::string> args;     // empty: the image's ("serve")
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<MountSpec> mounts;
  std::optional<v1::LinuxContainerResources> resources;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  uint32_t attempt = 0;
  // Not empty: a fresh host file is mounted there, and the annotations name it.
  std::string termination_message_path;
  std::string pre_stop;  // JSON of the handler, as the kubelet's preStopHandler annotation has it
  std::string ports;     // JSON array, as the kubelet's ports annotation has it
  std::optional<int64_t> run_as_user;
  bool tty = false;
};

struct PodSpec {
  std::string name = "pod";
  std::string ns = "default";
  std::string uid;  // empty: a random one
  uint32_t attempt = 0;
  std::vector<ContainerSpec> containers = {ContainerSpec()};
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::map<std::string, std::string> sysctls;
  bool host_network = false;
  bool share_pid = false;
  int64_t grace_seconds = 30;
  bool kubelet_annotations = true;  // hash, restartCount, ... on every container
};

// A random version 4 UUID.
std::string RandomUid();

struct PodDirs {
  std::string logs;           // becomes <logs>/<ns>_<name>_<uid>/<container>/<attempt>.log
  std::string cgroup_parent;  // becomes <cgroup_parent>/pod<uid>
};

// `spec.uid` must be set.
v1::PodSandboxConfig SandboxConfig(const PodSpec& spec, const PodDirs& dirs);

// `message_file` is the host file for the termination message; unused when the path is empty.
v1::ContainerConfig MakeContainerConfig(const PodSpec& pod, const ContainerSpec& spec,
                                        const std::string& message_file);

}  // namespace rekindle::bed

#endif  // REKINDLE_TEST_BED_POD_SPEC_H_
