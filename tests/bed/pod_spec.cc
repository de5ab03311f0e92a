#include "tests/bed/pod_spec.h"

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace rekindle::bed {
namespace {

v1::NamespaceOption Namespaces(const PodSpec& spec) {
  v1::NamespaceOption options;
  options.set_network(spec.host_network ? v1::NODE : v1::POD);
  // Said outright: the default would share one pid namespace among all containers
  // (spec/node-runtime 1.6).
  options.set_pid(spec.share_pid ? v1::POD : v1::CONTAINER);
  options.set_ipc(v1::POD);
  return options;
}

void AddIdentity(const PodSpec& spec, google::protobuf::Map<std::string, std::string>* labels) {
  (*labels)["io.kubernetes.pod.name"] = spec.name;
  (*labels)["io.kubernetes.pod.namespace"] = spec.ns;
  (*labels)["io.kubernetes.pod.uid"] = spec.uid;
}

void AddKubeletAnnotations(const PodSpec& pod, const ContainerSpec& spec,
                           google::protobuf::Map<std::string, std::string>* annotations) {
  const std::string prefix = "io.kubernetes.container.";
  auto& out = *annotations;
  out[prefix + "hash"] = "8e45cbd0";
  out[prefix + "restartCount"] = absl::StrCat(spec.attempt);
  out[prefix + "terminationMessagePath"] = spec.termination_message_path.empty()
                                               ? "/dev/termination-log"
                                               : spec.termination_message_path;
  out[prefix + "terminationMessagePolicy"] = "File";
  out["io.kubernetes.pod.terminationGracePeriod"] = absl::StrCat(pod.grace_seconds);
  if (!spec.pre_stop.empty()) out[prefix + "preStopHandler"] = spec.pre_stop;
  if (!spec.ports.empty()) out[prefix + "ports"] = spec.ports;
}

}  // namespace

std::string RandomUid() {
  absl::BitGen random;
  auto word = [&random](int bits) { return absl::Uniform<uint64_t>(random, 0, 1ull << bits); };
  return absl::StrFormat("%08x-%04x-4%03x-%04x-%012x", word(32), word(16), word(12),
                         0x8000 | word(14), word(48));
}

v1::PodSandboxConfig SandboxConfig(const PodSpec& spec, const PodDirs& dirs) {
  v1::PodSandboxConfig config;
  config.mutable_metadata()->set_name(spec.name);
  config.mutable_metadata()->set_namespace_(spec.ns);
  config.mutable_metadata()->set_uid(spec.uid);
  config.mutable_metadata()->set_attempt(spec.attempt);
  if (!spec.host_network) config.set_hostname(spec.name.substr(0, 63));
  config.set_log_directory(absl::StrCat(dirs.logs, "/", spec.ns, "_", spec.name, "_", spec.uid));
  config.mutable_dns_config()->add_servers("127.0.0.1");
  for (const auto& [key, value] : spec.labels) (*config.mutable_labels())[key] = value;
  for (const auto& [key, value] : spec.annotations) (*config.mutable_annotations())[key] = value;
  AddIdentity(spec, config.mutable_labels());
  v1::LinuxPodSandboxConfig* sandbox = config.mutable_linux();
  sandbox->set_cgroup_parent(absl::StrCat(dirs.cgroup_parent, "/pod", spec.uid));
  for (const auto& [key, value] : spec.sysctls) (*sandbox->mutable_sysctls())[key] = value;
  *sandbox->mutable_security_context()->mutable_namespace_options() = Namespaces(spec);
  return config;
}

v1::ContainerConfig MakeContainerConfig(const PodSpec& pod, const ContainerSpec& spec,
                                        const std::string& message_file) {
  v1::ContainerConfig config;
  config.mutable_metadata()->set_name(spec.name);
  config.mutable_metadata()->set_attempt(spec.attempt);
  config.mutable_image()->set_image(spec.image);
  for (const std::string& word : spec.command) config.add_command(word);
  for (const std::string& word : spec.args) config.add_args(word);
  for (const auto& [key, value] : spec.env) {
    v1::KeyValue* entry = config.add_envs();
    entry->set_key(key);
    entry->set_value(value);
  }
  auto add_mount = [&config](const MountSpec& mount) {
    v1::Mount* entry = config.add_mounts();
    entry->set_container_path(mount.container_path);
    entry->set_host_path(mount.host_path);
    entry->set_readonly(mount.read_only);
  };
  for (const MountSpec& mount : spec.mounts) add_mount(mount);
  if (!spec.termination_message_path.empty()) {
    add_mount({spec.termination_message_path, message_file, false});
  }
  for (const auto& [key, value] : spec.labels) (*config.mutable_labels())[key] = value;
  AddIdentity(pod, config.mutable_labels());
  (*config.mutable_labels())["io.kubernetes.container.name"] = spec.name;
  for (const auto& [key, value] : spec.annotations) (*config.mutable_annotations())[key] = value;
  if (pod.kubelet_annotations) AddKubeletAnnotations(pod, spec, config.mutable_annotations());
  config.set_log_path(absl::StrCat(spec.name, "/", spec.attempt, ".log"));
  config.set_tty(spec.tty);
  if (spec.resources.has_value()) *config.mutable_linux()->mutable_resources() = *spec.resources;
  v1::LinuxContainerSecurityContext* context = config.mutable_linux()->mutable_security_context();
  *context->mutable_namespace_options() = Namespaces(pod);
  if (spec.run_as_user.has_value()) context->mutable_run_as_user()->set_value(*spec.run_as_user);
  for (const char* path : {"/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list"}) {
    context->add_masked_paths(path);
  }
  for (const char* path : {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"}) {
    context->add_readonly_paths(path);
  }
  return config;
}

}  // namespace rekindle::bed
