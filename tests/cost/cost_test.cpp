#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace hone {
namespace {

namespace fs = std::filesystem;

struct Folder {
  std::string path;
  Folder() {
    char name[] = "/tmp/hone-cost-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Folder() { fs::remove_all(path); }
};

// What callgrind dumped, by the names that the program gave.
std::map<std::string, int64_t> counts_in(const std::string& folder) {
  std::map<std::string, int64_t> counts;
  for (const auto& file : fs::directory_iterator(folder)) {
    std::ifstream in(file.path());
    std::string line, name;
    while (std::getline(in, line)) {
      const std::string trigger = "desc: Trigger: Client Request: ";
      if (line.rfind(trigger, 0) == 0) name = line.substr(trigger.size());
      if (!name.empty() && line.rfind("totals: ", 0) == 0) counts[name] = std::atoll(line.c_str() + 8);
    }
  }
  return counts;
}

// Valgrind knows no AVX-512, so that the avx2 level is counted. Budgets are what was counted; a change that raises one
// by more than a twentieth needs a reason and a new number in budgets.txt, one that lowers it a new number too.
TEST(Cost, NoInferenceTakesMoreInstructionsThanRecorded) {
  if (std::system("valgrind --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "valgrind is not installed";
  const Folder folder;
  const std::string command = "cd " + folder.path +
                              " && HONE_CPU_ISA=avx2 valgrind -q --tool=callgrind --instr-atstart=no "
                              "--callgrind-out-file=cost " HONE_NETWORK_COST " 2>log";
  if (std::system(command.c_str()) != 0) GTEST_SKIP() << "the avx2 level does not run under this valgrind";
  const std::map<std::string, int64_t> counts = counts_in(folder.path);
  if (counts.empty()) GTEST_SKIP() << "built without valgrind/callgrind.h";
  std::ifstream budgets(HONE_SOURCE_DIR "/tests/cost/budgets.txt");
  std::string name;
  int64_t budget = 0;
  int known = 0;
  while (budgets >> name >> budget) {
    ++known;
    ASSERT_TRUE(counts.contains(name)) << name;
    EXPECT_LE(counts.at(name), budget + budget / 20) << name;
    EXPECT_GE(counts.at(name), budget - budget / 5) << name << " became so much cheaper that its budget guards nothing";
  }
  EXPECT_EQ(known, static_cast<int>(counts.size()));
}

}  // namespace
}  // namespace hone
