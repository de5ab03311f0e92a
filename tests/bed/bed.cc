#include "tests/bed/bed.h"

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

#include "common/base/status_macros.h"
#include "tests/bed/containerd_config.h"

namespace rekindle::bed {
namespace {

namespace fs = std::filesystem;

constexpr char kDefaultParent[] = "/var/tmp/rekindle-beds";
constexpr size_t kLongestDir = 70;  // sun_path has 108 bytes; "/containerd.sock.ttrpc" follows
constexpr absl::Duration kReadyTimeout = absl::Seconds(60);
constexpr absl::Duration kStopTimeout = absl::Seconds(20);
constexpr char kCniPlugins[] = "/usr/lib/cni";

std::string RandomId() {
  absl::BitGen random;
  return absl::StrFormat("%08x", absl::Uniform<uint32_t>(random));
}

absl::Status CheckHost() {
  if (geteuid() != 0) return absl::FailedPreconditionError("a bed needs root");
  std::error_code error;
  for (const char* path : {"/usr/bin/containerd", "/usr/bin/ctr", "/usr/sbin/runc",
                           "/usr/lib/cni/bridge", "/usr/lib/cni/host-local"}) {
    if (!fs::exists(path, error)) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, " is missing: install containerd, runc, containernetworking-plugins"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ChooseDir(const std::string& wanted, const std::string& id) {
  std::string dir = wanted.empty() ? absl::StrCat(kDefaultParent, "/", id) : wanted;
  while (dir.size() > 1 && dir.back() == '/') dir.pop_back();
  std::error_code error;
  if (!absl::StartsWith(dir, "/") || dir.size() > kLongestDir) {
    return absl::FailedPreconditionError(absl::StrCat(
        "dir: \"", dir, "\" must be absolute and at most ", kLongestDir, " characters long"));
  }
  if (fs::exists(dir, error) && !fs::is_empty(dir, error)) {
    return absl::FailedPreconditionError(absl::StrCat("dir: ", dir, " is not empty"));
  }
  if (!fs::create_directories(dir, error) && error) {
    return absl::FailedPreconditionError(absl::StrCat("dir: ", dir, ": ", error.message()));
  }
  return dir;
}

std::string Tail(const std::string& path) {
  std::string text = ReadFile(path);
  return text.size() <= 3000 ? text : text.substr(text.size() - 3000);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Bed>> Bed::Up(BedOptions options) {
  RK_RETURN_IF_ERROR(CheckHost());
  std::error_code error;
  fs::create_directories(kRegistryDir, error);
  RK_RETURN_IF_ERROR(Annotate(Sweep().status(), "sweep of dead beds"));
  std::unique_ptr<Bed> bed(new Bed());
  RK_RETURN_IF_ERROR(bed->Prepare(options));
  RK_RETURN_IF_ERROR(bed->Start());
  RK_RETURN_IF_ERROR(bed->ImportImages());
  bed->keep_ = options.keep;
  if (bed->keep_) bed->lock_.reset();
  return bed;
}

absl::StatusOr<std::unique_ptr<Bed>> Bed::Attach(const std::string& dir) {
  std::unique_ptr<Bed> bed(new Bed());
  bed->keep_ = true;
  std::error_code error;
  bed->dir_ = fs::weakly_canonical(dir, error).string();
  bed->id_ = ReadFile(bed->dir_ + "/id");
  std::optional<ProcessId> containerd = ParseProcessId(ReadFile(bed->dir_ + "/containerd.pid"));
  if (bed->id_.empty() || !containerd.has_value()) {
    return absl::NotFoundError(absl::StrCat("no bed in ", dir));
  }
  bed->containerd_ = *containerd;
  bed->network_ = NetworkOf(ReadFile(bed->dir_ + "/gateway"));
  std::optional<ProcessId> holder = ParseProcessId(ReadFile(bed->dir_ + "/node/holder"));
  bed->node_ = holder.has_value();
  bed->node_holder_ = holder.value_or(ProcessId());
  bed->overlay_ = OverlayPossible(bed->dir_);
  std::optional<ProcessId> owner = ParseProcessId(ReadFile(bed->dir_ + "/owner"));
  if (owner.has_value() && owner->pid != containerd->pid) bed->owner_ = owner;
  bed->cri_ = std::make_unique<CriClient>(bed->endpoint());
  return bed;
}

Bed::~Bed() {
  if (!keep_ && !down_) Down().IgnoreError();
}

absl::Status Bed::Prepare(const BedOptions& options) {
  std::string id = RandomId();
  RK_ASSIGN_OR_RETURN(dir_, ChooseDir(options.dir, id));
  // From here on the destructor has something to take down.
  id_ = id;
  owner_ = options.owner;
  if (!owner_.has_value() && !options.keep) owner_ = Identify(getpid());
  RK_RETURN_IF_ERROR(WriteFile(dir_ + "/id", id_));
  RK_ASSIGN_OR_RETURN(lock_, FileLock::Take(dir_ + "/lock", false));
  std::error_code error;
  fs::create_directory_symlink(dir_, fs::path(kRegistryDir) / id_, error);
  if (error) return absl::UnavailableError(absl::StrCat(kRegistryDir, ": ", error.message()));
  for (const char* sub : {"root", "state", "cni", "logs", "volumes", "messages"}) {
    fs::create_directories(fs::path(dir_) / sub, error);
  }
  overlay_ = OverlayPossible(dir_);
  RK_ASSIGN_OR_RETURN(network_, CreateBridge(id_));
  RK_RETURN_IF_ERROR(WriteFile(dir_ + "/gateway", network_.gateway));
  node_ = options.node;
  if (node_) {
    RK_ASSIGN_OR_RETURN(node_holder_, MakeNodeMounts(dir_));
  }
  return WriteConfig();
}

absl::Status Bed::WriteConfig() {
  ContainerdSettings settings;
  settings.dir = dir_;
  settings.socket = socket();
  settings.snapshotter = overlay_ ? "overlayfs" : "native";
  settings.sandbox_image = kPauseImage;
  settings.cni_plugins = kCniPlugins;
  settings.restrict_oom_score_adj = !HasSysResource();
  RK_RETURN_IF_ERROR(WriteFile(dir_ + "/config.toml", ContainerdToml(settings)));
  return WriteFile(
      dir_ + "/cni/10-bed.conflist",
      CniConflist(NetworkName(id_), BridgeName(id_), network_, node_, dir_ + "/cni-state"));
}

absl::Status Bed::SaveOwner() {
  RK_RETURN_IF_ERROR(WriteFile(dir_ + "/containerd.pid", ToString(containerd_)));
  // What holds a node's mounts lives as long as the bed, whatever becomes of containerd.
  return WriteFile(dir_ + "/owner", ToString(owner_.value_or(node_ ? node_holder_ : containerd_)));
}

absl::Status Bed::Start() {
  RK_ASSIGN_OR_RETURN(containerd_,
                      Spawn(InNode({"containerd", "--config", dir_ + "/config.toml"}), log_path()));
  RK_RETURN_IF_ERROR(SaveOwner());
  if (cri_ == nullptr) cri_ = std::make_unique<CriClient>(endpoint());
  absl::Status status = absl::UnavailableError("containerd has ended");
  bool ready = WaitUntil(
      [&] {
        if (!Alive(containerd_)) return true;
        if (access(socket().c_str(), F_OK) != 0) return false;
        status = cri_->Ready();
        return status.ok();
      },
      kReadyTimeout);
  if (ready && status.ok()) return absl::OkStatus();
  return absl::DeadlineExceededError(
      absl::StrCat("containerd is not ready: ", status.message(), "\n", Tail(log_path())));
}

std::vector<std::string> Bed::InNode(const std::vector<std::string>& argv) const {
  return node_ ? InNodeMounts(node_holder_, argv) : argv;
}

absl::Status Bed::Stop(int signal) { return EndProcess(containerd_, signal, kStopTimeout); }

absl::Status Bed::Restart(int signal) {
  RK_RETURN_IF_ERROR(Stop(signal));
  return Start();
}

absl::Status Bed::Down() {
  if (down_ || id_.empty()) return absl::OkStatus();
  absl::Status status = RemoveResidue(dir_, id_);
  // Reaps those that are our children.
  for (const ProcessId& ours : {containerd_, node_holder_}) {
    if (ours.pid != 0) EndProcess(ours, SIGKILL, kStopTimeout).IgnoreError();
  }
  down_ = status.ok();
  return status;
}

absl::Status Bed::ImportImages() {
  RK_RETURN_IF_ERROR(
      Ctr({"images", "import", "--snapshotter", overlay_ ? "overlayfs" : "native", RK_TEST_IMAGES})
          .status());
  // The CRI plugin learns of imported images by an event.
  std::string missing;
  bool complete = WaitUntil(
      [&] {
        for (const char* image : {kPauseImage, kBusyboxImage, kServerImage, kServerImage2,
                                  kServerIntImage, kServerVolumeImage, kServerUserImage}) {
          auto found = cri_->ImageStatus(image);
          missing = image;
          if (!found.ok() || !found->has_value()) return false;
        }
        return true;
      },
      kReadyTimeout);
  if (complete) return absl::OkStatus();
  return absl::DeadlineExceededError(absl::StrCat("image ", missing, " does not appear"));
}

absl::StatusOr<std::string> Bed::Ctr(const std::vector<std::string>& arguments,
                                     absl::Duration timeout) {
  std::vector<std::string> argv = {"ctr", "--address", socket(), "--namespace", "k8s.io"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return RunCommand(argv, timeout);
}

std::string Bed::Volume(const std::string& name) const {
  std::string path = absl::StrCat(dir_, "/volumes/", name);
  std::error_code error;
  fs::create_directories(path, error);
  // Programs in the images may run as another user.
  fs::permissions(path, fs::perms::all, error);
  return path;
}

}  // namespace rekindle::bed
