#ifndef REKINDLE_TEST_FAKES_TEMP_DIR_H_
#define REKINDLE_TEST_FAKES_TEMP_DIR_H_

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace rekindle {

// A directory of one test, removed at its end. Short: Unix socket paths have 107 characters.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "rkXXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace rekindle

#endif  // REKINDLE_TEST_FAKES_TEMP_DIR_H_
