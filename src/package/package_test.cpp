#include "package/package.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "package/bundle.h"
#include "package/image.h"

namespace hone {
namespace {

TEST(TarWriter, MakesFoldersOnceAndCutsLongPaths) {
  char folder[] = "/tmp/hone-tar-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string deep = cat(std::string(90, 'a'), "/", std::string(60, 'b'), "/", std::string(80, 'c'));
  TarWriter tar(1'000'000'000);
  tar.add({"x/y/one", "1\n", 0755});
  tar.add({"x/y/two", std::string(1025, '2')});
  tar.add({deep, "deep"});
  write_file(cat(folder, "/a.tar"), tar.finish());
  const std::string command =
      cat("cd ", folder, " && tar xf a.tar && test -x x/y/one && test $(wc -c < x/y/two) = 1025 && test \"$(cat ", deep,
          ")\" = deep && test $(tar tf a.tar | grep -c '^x/$') = 1 && test \"$(stat -c %Y x/y/one)\" = 1000000000");
  EXPECT_EQ(std::system(command.c_str()), 0);
  std::filesystem::remove_all(folder);
  EXPECT_THROW(tar.add({std::string(300, 'p'), ""}), Error);
}

TEST(Image, ReferencesHaveATagAndLowerCaseNames) {
  for (const char* good : {"a:1", "localhost/defects:1", "registry.local:5000/a/b-c_d:V2.1"}) require_reference(good);
  for (const char* bad : {"", ":1", "a", "a/b", "A:1", "a/:1", "/a:1", "a:", "a b:1", "a:1/b", "-a:1", "a:b\n"})
    EXPECT_THROW(require_reference(bad), Error) << bad;
  EXPECT_EQ(default_reference("My Model (v2)"), "localhost/my-model-v2:1");
  EXPECT_EQ(default_reference("***"), "localhost/model:1");
  require_reference(default_reference("***"));
}

TEST(Image, DatesAreThoseOfRfc3339) { EXPECT_EQ(rfc3339(1'700'000'000), "2023-11-14T22:13:20Z"); }

TEST(Bundle, HoldsTheProgramItsLoaderAndItsLibraries) {
  const std::vector<PackedFile> files = bundle_this_program();
  EXPECT_EQ(files.front().path, "usr/bin/hone");
  size_t loaders = 0;
  for (const PackedFile& file : files) loaders += file.path.find("/ld-") != std::string::npos;
  EXPECT_LE(loaders, 1u);
  for (const PackedFile& file : files)
    EXPECT_EQ(file.bytes.substr(0, 4),
              "\x7f"
              "ELF")
        << file.path;
}

TEST(Bundle, LeavesAnythingThatIsNoElfAsItIs) {
  EXPECT_EQ(without_symbols("text"), "text");
  const std::string broken = std::string(
                                 "\x7f"
                                 "ELF\x02\x01\x01",
                                 7) +
                             std::string(200, '\xFF');
  EXPECT_EQ(without_symbols(broken), broken);
}

}  // namespace
}  // namespace hone
