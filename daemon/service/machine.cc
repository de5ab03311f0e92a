#include "daemon/service/machine.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "daemon/service/fields.h"

namespace rekindle::service {

namespace {

// Of the blocks for documentation: nobody's, and so beyond the default route.
constexpr char kElsewhere4[] = "192.0.2.1";
constexpr char kElsewhere6[] = "2001:db8::1";
constexpr uint16_t kAnyPort = 9;

// The text of a small file; empty when it cannot be read.
std::string TextOf(const char* path) {
  std::ifstream in(path);
  if (!in) return "";
  return {std::istreambuf_iterator<char>(in), {}};
}

// The own address towards `elsewhere`; empty: there is no way there, or only a loopback one.
template <typename Address>
std::string SourceTowards(int family, Address elsewhere, const void* (*part)(const Address&)) {
  const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return "";
  std::string out;
  Address own{};
  socklen_t size = sizeof(own);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&elsewhere), sizeof(elsewhere)) == 0 &&
      getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) == 0) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (inet_ntop(family, part(own), text.data(), text.size()) != nullptr) out = text.data();
  }
  close(fd);
  return absl::StartsWith(out, "127.") || out == "::1" ? "" : out;
}

std::string Source4() {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(kAnyPort);
  inet_pton(AF_INET, kElsewhere4, &to.sin_addr);
  return SourceTowards<sockaddr_in>(
      AF_INET, to, [](const sockaddr_in& own) -> const void* { return &own.sin_addr; });
}

std::string Source6() {
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(kAnyPort);
  inet_pton(AF_INET6, kElsewhere6, &to.sin6_addr);
  return SourceTowards<sockaddr_in6>(
      AF_INET6, to, [](const sockaddr_in6& own) -> const void* { return &own.sin6_addr; });
}

}  // namespace

std::string OsNameOf(absl::string_view os_release) {
  for (absl::string_view line : absl::StrSplit(os_release, '\n')) {
    if (!absl::ConsumePrefix(&line, "PRETTY_NAME=")) continue;
    if (line.size() >= 2 && (line.front() == '"' || line.front() == '\'') &&
        line.back() == line.front()) {
      line = line.substr(1, line.size() - 2);
    }
    return MakeUtf8(line);
  }
  return "";
}

std::string ArchitectureOf(absl::string_view machine) {
  constexpr std::pair<absl::string_view, absl::string_view> kNames[] = {
      {"x86_64", "amd64"},    {"aarch64", "arm64"}, {"armv7l", "arm"},      {"i686", "386"},
      {"ppc64le", "ppc64le"}, {"s390x", "s390x"},   {"riscv64", "riscv64"},
  };
  for (const auto& [uname, image] : kNames) {
    if (machine == uname) return std::string(image);
  }
  return std::string(machine);
}

rekindle::node::v1::Machine ReadMachine() {
  rekindle::node::v1::Machine out;
  out.set_operating_system("linux");
  utsname names{};
  if (uname(&names) == 0) {
    out.set_host_name(MakeUtf8(names.nodename));
    out.set_kernel_version(MakeUtf8(names.release));
    out.set_architecture(MakeUtf8(ArchitectureOf(names.machine)));
  }
  std::string os_release = TextOf("/etc/os-release");
  if (os_release.empty()) os_release = TextOf("/usr/lib/os-release");
  out.set_os_image(OsNameOf(os_release));
  for (std::string address : {Source4(), Source6()}) {
    if (!address.empty()) out.add_addresses(std::move(address));
  }
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  if (processors > 0) out.set_processors(static_cast<uint32_t>(processors));
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page > 0) {
    out.set_memory_bytes(static_cast<uint64_t>(pages) * static_cast<uint64_t>(page));
  }
  return out;
}

}  // namespace rekindle::service
