#include "daemon/restart/replacement/log_path.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace rekindle::restart {
namespace {

struct PathRow {
  const char* path;
  uint32_t current;
  uint32_t next;
  const char* result;
};

TEST(NextLogPath, Table) {
  const PathRow rows[] = {
      {"main/0.log", 0, 1, "main/1.log"},
      {"main/9.log", 9, 10, "main/10.log"},
      {"main/4.log", 4, 7, "main/7.log"},
      {"main.log", 0, 1, "main.1.log"},
      {"main.1.log", 1, 2, "main.2.log"},
      {"main.log", 3, 4, "main.4.log"},
      {"main/2024.log", 0, 1, "main/2024.1.log"},
      {"main/2024.1.log", 1, 2, "main/2024.2.log"},
      {"main", 0, 1, "main.1"},
      {"main.1", 1, 2, "main.2"},
      {".hidden", 0, 1, ".hidden.1"},
      {"v1.2/main", 0, 1, "v1.2/main.1"},
      {"0", 0, 1, "1"},
      {"a.10.log", 0, 1, "a.10.1.log"},
      {"10.log", 0, 1, "10.1.log"},
  };
  for (const PathRow& row : rows) {
    EXPECT_EQ(NextLogPath(row.path, row.current, row.next), row.result) << row.path;
  }
}

TEST(NextLogPath, NoTwoAttemptsShareAFile) {
  for (const char* first : {"main/0.log", "main.log", "main", "x/1.log", "x.2.log", "3", "a.1.2"}) {
    std::set<std::string> seen = {first};
    std::string path = first;
    for (uint32_t attempt = 0; attempt < 30; ++attempt) {
      path = NextLogPath(path, attempt, attempt + 1);
      EXPECT_TRUE(seen.insert(path).second) << first << " at " << attempt << ": " << path;
    }
    EXPECT_LT(path.size(), std::string(first).size() + 6) << "numbers must not pile up";
  }
}

TEST(AbsoluteLogPath, JoinsAsTheRuntimeDoes) {
  EXPECT_EQ(AbsoluteLogPath("/logs", "a/1.log"), "/logs/a/1.log");
  EXPECT_EQ(AbsoluteLogPath("/logs/", "/a/1.log"), "/logs/a/1.log");
  EXPECT_EQ(AbsoluteLogPath("", "a/1.log"), "");
  EXPECT_EQ(AbsoluteLogPath("/logs", ""), "");
}

}  // namespace
}  // namespace rekindle::restart
