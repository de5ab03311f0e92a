// Any bytes as journal.db: opening succeeds or refuses a newer version, and never harms the
// process.
#include <stdlib.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "daemon/restart/journal/journal_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // In memory where there is such a place: every run syncs.
  static const std::string base = [] {
    std::error_code error;
    const bool memory = std::filesystem::is_directory("/dev/shm", error);
    std::string name = memory ? "/dev/shm/rk-fuzz-XXXXXX" : "/tmp/rk-fuzz-XXXXXX";
    return std::string(::mkdtemp(name.data()));
  }();
  std::ofstream(base + "/journal.db", std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  {
    auto opened = rekindle::restart::JournalFile::Open(base, "", absl::UnixEpoch());
    if (!opened.ok() && !absl::IsFailedPrecondition(opened.status())) std::abort();
  }
  std::error_code ignored;
  std::filesystem::remove_all(base, ignored);
  std::filesystem::create_directory(base, ignored);
  return 0;
}
