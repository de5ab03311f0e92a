// The image that deploy/image/build.sh makes of the real programs.
#include <unistd.h>

#include <filesystem>
#include <regex>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/bed/process.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr absl::Duration kLimit = absl::Minutes(2);

std::string Trimmed(absl::StatusOr<std::string> text) {
  EXPECT_TRUE(text.ok()) << text.status();
  return std::string(absl::StripAsciiWhitespace(text.value_or("")));
}

std::vector<std::string> Lines(const std::string& text) {
  return absl::StrSplit(text, '\n', absl::SkipEmpty());
}

class ImageTest : public ::testing::Test {
 protected:
  // The digest that the script prints. `before` is put in front of its command line.
  std::string Build(const std::string& out, const std::string& version,
                    const std::vector<std::string>& programs = {REKINDLED_PROGRAM,
                                                                REKINDLE_PROGRAM},
                    const std::string& before = "") {
    return Trimmed(Shell(absl::StrCat(before, RK_BUILD_IMAGE, " ", out, " ", version, " ",
                                      absl::StrJoin(programs, " "))));
  }
  // The configuration of an image, which is unpacked into `folder`.
  nlohmann::json Config(const std::string& image, const std::string& folder) {
    fs::create_directory(folder);
    EXPECT_TRUE(Shell(absl::StrCat("tar -xf ", image, " -C ", folder)).ok());
    const auto read = [&](const nlohmann::json& descriptor) {
      const std::string digest = descriptor.at("digest");
      return nlohmann::json::parse(
          bed::ReadFile(absl::StrCat(folder, "/blobs/sha256/", digest.substr(7))));
    };
    const auto index = nlohmann::json::parse(bed::ReadFile(folder + "/index.json"));
    return read(read(index.at("manifests").at(0)).at("config"));
  }
  absl::StatusOr<std::string> Shell(const std::string& script) {
    return bed::RunCommand({"sh", "-c", script}, kLimit);
  }
  std::string Path(const std::string& name) const { return dir_ / name; }

  TempDir dir_;
};

TEST_F(ImageTest, TwoBuildsHaveOneDigest) {
  const std::string first = Build(Path("one.tar"), "1.2.3");
  EXPECT_THAT(first, MatchesRegex("sha256:[0-9a-f]{64}"));
  // Other copies of the programs, newer and less readable; another directory, umask, language and
  // zone.
  fs::create_directory(Path("elsewhere"));
  fs::copy_file(REKINDLED_PROGRAM, Path("elsewhere/rekindled"));
  fs::copy_file(REKINDLE_PROGRAM, Path("elsewhere/rekindle"));
  fs::permissions(Path("elsewhere/rekindled"), fs::perms::owner_all);
  const std::string second = Build(
      "two.tar", "1.2.3", {Path("elsewhere/rekindled"), Path("elsewhere/rekindle")},
      absl::StrCat("cd ", Path("elsewhere"), " && umask 0077 && LC_ALL=C.UTF-8 TZ=Asia/Tokyo "));
  EXPECT_EQ(first, second);
  EXPECT_TRUE(Shell(absl::StrCat("cmp ", Path("one.tar"), " ", Path("elsewhere/two.tar"))).ok());
  EXPECT_NE(Build(Path("other.tar"), "1.2.4"), first);
  // Nothing is left beside the images.
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_.path()), fs::directory_iterator()), 3);
}

TEST_F(ImageTest, IsAnOciImageOfTwoLayers) {
  const std::string digest = Build(Path("image.tar"), "1.2.3");
  fs::create_directory(Path("oci"));
  ASSERT_TRUE(Shell(absl::StrCat("tar -xf ", Path("image.tar"), " -C ", Path("oci"))).ok());
  const auto blob = [&](const nlohmann::json& descriptor) {
    const std::string of = descriptor.at("digest");
    const std::string path = Path(absl::StrCat("oci/blobs/sha256/", of.substr(7)));
    EXPECT_EQ(fs::file_size(path), descriptor.at("size").get<uintmax_t>()) << of;
    EXPECT_THAT(Trimmed(bed::RunCommand({"sha256sum", path}, kLimit)),
                ::testing::StartsWith(of.substr(7)));
    return path;
  };
  const auto read = [&](const std::string& path) {
    return nlohmann::json::parse(bed::ReadFile(path));
  };
  const nlohmann::json index = read(Path("oci/index.json"));
  ASSERT_EQ(index.at("manifests").size(), 1U);
  const nlohmann::json& entry = index["manifests"][0];
  EXPECT_EQ(entry.at("digest"), digest);
  EXPECT_EQ(entry.at("annotations").at("io.containerd.image.name"),
            "rekindle.example/rekindled:1.2.3");
  const nlohmann::json manifest = read(blob(entry));
  const nlohmann::json config = read(blob(manifest.at("config")));
  EXPECT_EQ(config.at("config").at("Entrypoint"), nlohmann::json({"/usr/bin/rekindled"}));
  EXPECT_EQ(config.at("config").at("User"), "0:0");
  EXPECT_EQ(config.at("created"), "1970-01-01T00:00:00Z");
  ASSERT_EQ(manifest.at("layers").size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(manifest["layers"][i].at("digest"), config.at("rootfs").at("diff_ids").at(i));
    for (const std::string& line : Lines(Trimmed(Shell(
             absl::StrCat("TZ=UTC tar --numeric-owner -tvf ", blob(manifest["layers"][i])))))) {
      EXPECT_THAT(line, HasSubstr(" 0/0 "));
      EXPECT_THAT(line, HasSubstr(" 1970-01-01 "));
    }
  }
}

TEST_F(ImageTest, TheControllersIsReproducibleToo) {
  const std::string first = Build(Path("one.tar"), "1.2.3", {CONTROLLER_PROGRAM});
  fs::create_directory(Path("elsewhere"));
  fs::copy_file(CONTROLLER_PROGRAM, Path("elsewhere/rekindle-controller"));
  EXPECT_EQ(Build(Path("two.tar"), "1.2.3", {Path("elsewhere/rekindle-controller")},
                  "umask 0077 && TZ=Asia/Tokyo "),
            first);
  const nlohmann::json config = Config(Path("one.tar"), Path("oci"));
  EXPECT_EQ(config.at("config").at("Entrypoint"), nlohmann::json({"/usr/bin/rekindle-controller"}));
  EXPECT_EQ(config.at("config").at("User"), "65532:65532");
  EXPECT_EQ(config.at("config").at("Labels").at("org.opencontainers.image.title"),
            "rekindle-controller");
}

TEST_F(ImageTest, OfOtherProgramsThereIsNone) {
  EXPECT_FALSE(
      Shell(absl::StrCat(RK_BUILD_IMAGE, " ", Path("none.tar"), " 1 " REKINDLE_PROGRAM)).ok());
  EXPECT_TRUE(fs::is_empty(dir_.path()));
}

// A root file system as a node unpacks it.
class ImageContentTest : public ImageTest {
 protected:
  void SetUp() override { Unpack({REKINDLED_PROGRAM, REKINDLE_PROGRAM}); }
  void Unpack(const std::vector<std::string>& programs) {
    Build(Path("image.tar"), "1.2.3", programs);
    ASSERT_TRUE(
        Shell(absl::StrCat("cd ", dir_.path(), " && mkdir oci root && tar -xf image.tar -C oci"))
            .ok());
    const auto blob = [&](const nlohmann::json& descriptor) {
      return Path(
          absl::StrCat("oci/blobs/sha256/", descriptor.at("digest").get<std::string>().substr(7)));
    };
    const auto index = nlohmann::json::parse(bed::ReadFile(Path("oci/index.json")));
    const auto manifest = nlohmann::json::parse(bed::ReadFile(blob(index.at("manifests").at(0))));
    for (const nlohmann::json& layer : manifest.at("layers")) {
      ASSERT_TRUE(Shell(absl::StrCat("tar -xf ", blob(layer), " -C ", Path("root"))).ok());
    }
  }
  std::vector<std::string> Find(const std::string& what) {
    return Lines(Trimmed(Shell(absl::StrCat("cd ", Path("root"), " && find . ", what))));
  }
};

TEST_F(ImageContentTest, NothingButProgramsLibrariesAndWhoRootIs) {
  EXPECT_THAT(Find("! -type d ! -path './usr/lib*/*.so*' ! -path ./usr/bin/rekindled "
                   "! -path ./usr/bin/rekindle ! -path ./etc/passwd ! -path ./etc/group "
                   "! -path ./lib ! -path ./lib64 ! -path ./var/run"),
              IsEmpty());
  EXPECT_THAT(Find("-type f -name 'libc.so.6'"), Not(IsEmpty()));
  EXPECT_THAT(Find("-perm /6000"), IsEmpty());
  EXPECT_THAT(Find("-type f -perm /022"), IsEmpty());
  EXPECT_THAT(Trimmed(bed::RunCommand({"readelf", "-S", Path("root/usr/bin/rekindled")}, kLimit)),
              Not(HasSubstr(".debug_info")));
}

TEST_F(ImageContentTest, ProgramsRunWithNothingElse) {
  if (getuid() != 0) GTEST_SKIP() << "chroot needs root";
  for (const char* program : {"rekindled", "rekindle"}) {
    EXPECT_THAT(
        Trimmed(bed::RunCommand(
            {"chroot", Path("root"), absl::StrCat("/usr/bin/", program), "--version"}, kLimit)),
        ::testing::StartsWith(absl::StrCat(program, " ")));
  }
}

class ControllerImageTest : public ImageContentTest {
 protected:
  void SetUp() override { Unpack({CONTROLLER_PROGRAM}); }
};

TEST_F(ControllerImageTest, NothingButTheProgramItsLibrariesAndWhoItIs) {
  EXPECT_THAT(Find("! -type d ! -path './usr/lib*/*.so*' ! -path ./usr/bin/rekindle-controller "
                   "! -path ./etc/passwd ! -path ./etc/group ! -path ./lib ! -path ./lib64 "
                   "! -path ./var/run"),
              IsEmpty());
  EXPECT_THAT(Find("-perm /6000"), IsEmpty());
  EXPECT_THAT(Find("-type f -perm /022"), IsEmpty());
  EXPECT_THAT(bed::ReadFile(Path("root/etc/passwd")), HasSubstr(":65532:65532:"));
}

TEST_F(ControllerImageTest, RunsAsItsUserWithNothingElse) {
  if (getuid() != 0) GTEST_SKIP() << "chroot needs root";
  EXPECT_THAT(Trimmed(bed::RunCommand({"chroot", "--userspec=65532:65532", Path("root"),
                                       "/usr/bin/rekindle-controller", "--version"},
                                      kLimit)),
              ::testing::StartsWith("rekindle-controller "));
}

TEST_F(ImageTest, AProgramThatIsNotThereMakesNoImage) {
  EXPECT_FALSE(Shell(absl::StrCat(RK_BUILD_IMAGE, " ", Path("none.tar"), " 1 ", Path("rekindled"),
                                  " " REKINDLE_PROGRAM))
                   .ok());
  EXPECT_TRUE(fs::is_empty(dir_.path()));
}

}  // namespace
}  // namespace rekindle
