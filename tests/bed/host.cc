#include "tests/bed/host.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

#include "common/base/status_macros.h"
#include "tests/bed/process.h"

namespace rekindle::bed {
namespace {

constexpr absl::Duration kIpTimeout = absl::Seconds(10);

struct Range {
  uint32_t first;
  uint32_t last;
};

// The IPv4 ranges in use: addresses of interfaces and the routing table (without the default).
std::vector<Range> UsedRanges() {
  std::vector<Range> used;
  auto add = [&used](uint32_t address, uint32_t mask) {
    if (mask != 0) used.push_back({address & mask, address | ~mask});
  };
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) == 0) {
    for (ifaddrs* i = list; i != nullptr; i = i->ifa_next) {
      if (i->ifa_addr == nullptr || i->ifa_addr->sa_family != AF_INET) continue;
      add(ntohl(reinterpret_cast<sockaddr_in*>(i->ifa_addr)->sin_addr.s_addr),
          ntohl(reinterpret_cast<sockaddr_in*>(i->ifa_netmask)->sin_addr.s_addr));
    }
    freeifaddrs(list);
  }
  for (absl::string_view line : absl::StrSplit(ReadFile("/proc/net/route"), '\n')) {
    std::vector<std::string> fields = absl::StrSplit(line, '\t');
    uint32_t destination = 0;
    uint32_t mask = 0;
    if (fields.size() > 7 && absl::SimpleHexAtoi(fields[1], &destination) &&
        absl::SimpleHexAtoi(fields[7], &mask)) {
      add(ntohl(destination), ntohl(mask));
    }
  }
  return used;
}

// The first free /22 from 10.200.0.0 on.
absl::StatusOr<uint32_t> FreeSubnet() {
  std::vector<Range> used = UsedRanges();
  for (uint32_t base = (10u << 24) | (200u << 16); base < (11u << 24); base += 1024) {
    bool free = true;
    for (const Range& range : used) free = free && (range.last < base || range.first > base + 1023);
    if (free) return base;
  }
  return absl::ResourceExhaustedError("no free subnet in 10.200.0.0-10.255.255.255");
}

std::string Dotted(uint32_t address) {
  return absl::StrFormat("%d.%d.%d.%d", address >> 24, (address >> 16) & 255, (address >> 8) & 255,
                         address & 255);
}

}  // namespace

std::string BridgeName(const std::string& id) { return absl::StrCat("rkb", id); }
std::string CgroupName(const std::string& id) { return absl::StrCat("rkbed-", id); }
std::string NetworkName(const std::string& id) { return absl::StrCat("rkbed-", id); }

absl::StatusOr<FileLock> FileLock::Take(const std::string& path, bool wait) {
  int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return absl::UnavailableError(absl::StrCat("open ", path, ": ", std::strerror(errno)));
  }
  if (flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return absl::UnavailableError(absl::StrCat(path, " is locked"));
  }
  return FileLock(fd);
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

Network NetworkOf(const std::string& gateway) {
  in_addr address;
  if (inet_pton(AF_INET, gateway.c_str(), &address) != 1) return {};
  const uint32_t base = ntohl(address.s_addr) & ~1023u;
  return {.gateway = Dotted(base + 1),
          .subnet = absl::StrCat(Dotted(base), "/22"),
          .service_subnet = absl::StrCat(Dotted(base + 768), "/24"),
          .first_service = Dotted(base + 769),
          .last_pod = Dotted(base + 767),
          .node_pods = absl::StrCat(Dotted(base), "/23")};
}

absl::StatusOr<Network> CreateBridge(const std::string& id) {
  // Beds that start together must not choose the same subnet.
  RK_ASSIGN_OR_RETURN(FileLock lock, FileLock::Take(absl::StrCat(kRegistryDir, "/.lock"), true));
  RK_ASSIGN_OR_RETURN(uint32_t base, FreeSubnet());
  Network network = NetworkOf(Dotted(base + 1));
  std::string name = BridgeName(id);
  // With a fixed address of its own the bridge does not change it as pods come and go.
  std::string mac = absl::StrFormat("02:52:4b:%02x:%02x:01", (base >> 16) & 255, (base >> 8) & 255);
  const std::vector<std::string> commands[] = {
      {"ip", "link", "add", name, "address", mac, "type", "bridge"},
      {"ip", "addr", "add", network.gateway + "/22", "dev", name},
      {"ip", "link", "set", name, "up"}};
  for (const std::vector<std::string>& command : commands) {
    absl::StatusOr<std::string> done = RunCommand(command, kIpTimeout);
    if (!done.ok()) return Annotate(done.status(), "create bridge");
  }
  return network;
}

bool HasSysResource() {
  constexpr int kCapSysResource = 24;
  std::string status = ReadFile("/proc/self/status");
  size_t at = status.find("CapEff:\t");
  uint64_t mask = 0;
  return at != std::string::npos && absl::SimpleHexAtoi(status.substr(at + 8, 16), &mask) &&
         (mask >> kCapSysResource & 1) != 0;
}

bool OverlayPossible(const std::string& dir) {
  constexpr int64_t kOverlayMagic = 0x794c7630;
  struct statfs info;
  return statfs(dir.c_str(), &info) == 0 && info.f_type != kOverlayMagic;
}

absl::StatusOr<int> Sweep(bool even_alive) {
  namespace fs = std::filesystem;
  std::error_code error;
  int swept = 0;
  absl::Status failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(kRegistryDir, error)) {
    if (!entry.is_symlink(error)) continue;
    std::string dir = fs::read_symlink(entry.path(), error).string();
    if (fs::exists(dir, error) && !even_alive) {
      absl::StatusOr<FileLock> lock = FileLock::Take(dir + "/lock", false);
      if (!lock.ok()) continue;  // its owner lives
      std::optional<ProcessId> owner = ParseProcessId(ReadFile(dir + "/owner"));
      if (owner.has_value() && Alive(*owner)) continue;
      failed.Update(RemoveResidue(dir, entry.path().filename().string()));
    } else {
      failed.Update(RemoveResidue(dir, entry.path().filename().string()));
    }
    ++swept;
  }
  if (!failed.ok()) return failed;
  return swept;
}

}  // namespace rekindle::bed
