#ifndef REKINDLE_TEST_FAKES_GOLDEN_H_
#define REKINDLE_TEST_FAKES_GOLDEN_H_

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "gtest/gtest.h"

namespace rekindle {

// Compares `text` with the file tests/testdata/`name`. To make the files anew, run the test with
// REKINDLE_UPDATE_GOLDEN=1 in the environment and read the difference before committing it
// (CONTRIBUTING.md).
inline void ExpectGolden(const std::string& name, const std::string& text) {
  const std::string path = std::string(RK_SOURCE_DIR "/tests/testdata/") + name;
  if (std::getenv("REKINDLE_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  std::ifstream in(path, std::ios::binary);
  ASSERT_TRUE(in) << path << " is missing; see tests/fakes/golden.h";
  const std::string want{std::istreambuf_iterator<char>(in), {}};
  EXPECT_EQ(text, want) << "differs from " << path;
}

}  // namespace rekindle

#endif  // REKINDLE_TEST_FAKES_GOLDEN_H_
