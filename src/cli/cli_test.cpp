#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/printable.h"
#include "base/text.h"
#include "base/workshop.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/input_args.h"
#include "cli/model_args.h"
#include "cli/output_names.h"
#include "cli/table.h"
#include "data/npz.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(Wrapped, BreaksAtSpacesAndKeepsTheFirstIndent) {
  EXPECT_EQ(wrapped("  one two three", 9, 4), "  one two\n    three");
  EXPECT_EQ(wrapped("µµµ µµµ", 7, 0), "µµµ µµµ");
}

TEST(Inputs, OfAnArchiveNothingIsUnpackedBeforeEveryArrayHasItsPlace) {
  const std::string path = testing::TempDir() + "hone_cli_test_inputs.npz";
  write_npz(path, std::vector<NamedTensor>{{"x", Tensor::of<float>({2}, {1, 2})},
                                           {"bomb", Tensor::zeros(DType::kU8, {1 << 24})}});
  Graph graph;
  graph.add_input("x", {DType::kF32, Shape{2}, nullptr});
  set_memory_ceiling(1'000'000);  // less than this process holds
  try {
    InputArgs{.files = {path}, .preprocess = {}}.load(graph);
    ADD_FAILURE() << "expected an error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kNotFound) << e.what();
  }
  set_memory_ceiling(0);
  std::filesystem::remove(path);
}

TEST(Shortened, CutsTheMiddleByCodePoints) {
  EXPECT_EQ(shortened("abcdefghij", 5), "ab…ij");
  EXPECT_EQ(shortened("äöüäöü", 6), "äöüäöü");
  EXPECT_EQ(shortened("äöüäöü", 5), "äö…öü");
}

TEST(Table, AlignsColumnsAndTurnsIntoRecordsWhenTooNarrow) {
  Table table({{"name"}, {"time", Table::Align::kRight}});
  table.add({"conv", "12 µs"});
  table.add({"a", "1234 µs"});
  EXPECT_EQ(table.render(80), "name     time\nconv    12 µs\na     1234 µs\n");
  Table wide({{"a long name"}, {"first number", Table::Align::kRight}, {"second number", Table::Align::kRight}});
  wide.add({"x", "1", "2"});
  EXPECT_EQ(wide.render(20), "x\n  first number: 1\n  second number: 2\n");
}

TEST(Table, WhatAllCellsShareGoesFirst) {
  Table table({{"node"}, {"time", Table::Align::kRight}});
  table.add({"model/encoder/block_1/conv/Relu6", "12 µs"});
  table.add({"model/encoder/block_12/conv/Relu6", "3 µs"});
  EXPECT_EQ(table.render(80),
            "node                                time\nmodel/encoder/block_1/conv/Relu6   12 µs\n"
            "model/encoder/block_12/conv/Relu6   3 µs\n");
  EXPECT_EQ(table.render(20), "node   time\n…1…   12 µs\n…12…   3 µs\n");
}

TEST(Table, WhatTellsARowFromAnotherIsCutLast) {
  Table table({{"candidate"}, {"drop", Table::Align::kRight}});
  table.add({"float", "0"});
  table.add({"int8 (percentile), 1 layer in float", "1"});
  table.add({"int8 (percentile), 2 layers in float", "2"});
  const std::string text = table.render(32);
  EXPECT_NE(text.find("… 1 layer in float"), std::string::npos) << text;
  EXPECT_NE(text.find("… 2 layers in float"), std::string::npos) << text;
}

TEST(Table, CommonPartsEndAtJointsAndLeaveSomething) {
  using Parts = std::pair<size_t, size_t>;
  EXPECT_EQ(common_parts({"a/b/conv1", "a/b/conv2"}), (Parts{4, 0}));
  EXPECT_EQ(common_parts({"a/b", "a/b"}), (Parts{2, 0}));
  EXPECT_EQ(common_parts({"x1.out", "x2.out"}), (Parts{0, 4}));
  EXPECT_EQ(common_parts({"alone/b"}), (Parts{0, 0}));
  EXPECT_EQ(common_parts({"", "a/"}), (Parts{0, 0}));
  EXPECT_EQ(common_parts({"abc", "abd"}), (Parts{0, 0}));
}

TEST(Table, NamesFromFilesGiveTheTerminalNoOrders) {
  Table table({{"node"}});
  table.add({"evil\x1b[31m\nname"});
  EXPECT_EQ(table.render(80), "node\nevil\\x1b[31m\\nname\n");
}

TEST(Progress, StaysInsideTheLineAtEveryWidth) {
  for (int width = 20; width < 130; ++width) {
    const std::string line = progress_line("measuring the latency of candidates", " 50 %, 10 s left", 0.5, width);
    EXPECT_LT(columns_of(line), width) << line;
    EXPECT_TRUE(line.ends_with(" 50 %, 10 s left")) << line;
  }
}

TEST(OutputNames, EveryOutputGetsAFileOfItsOwn) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(output_file_names({"a/b", "a:b", "a_b", "A_B"}), (Names{"a_b", "a_b_2", "a_b_3", "A_B_4"}));
  EXPECT_EQ(output_file_names({".", "..", "", ".hidden", "-rf"}), (Names{"_", "_.", "output", "_hidden", "_rf"}));
  EXPECT_EQ(output_file_names({std::string("a\0b", 3), "x_2", "x", "x"}), (Names{"a_b", "x_2", "x", "x_3"}));
}

TEST(OutputNames, LongOnesAreCutBetweenCharactersAndStayDifferent) {
  std::string longest;
  for (int i = 0; i < 200; ++i) longest += "ä";
  const auto names = output_file_names({longest + "1", longest + "2"});
  EXPECT_NE(names[0], names[1]);
  for (const std::string& name : names) {
    EXPECT_LE(name.size(), 210u);
    EXPECT_EQ(printable(name), name) << "half a character was left";
  }
}

struct Folder {
  std::string path;
  Folder() {
    char name[] = "/tmp/hone-cli-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { fs::remove_all(path); }
  std::string operator/(const std::string& name) const { return path + "/" + name; }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(path)) out.push_back(entry.path().filename().string());
    std::sort(out.begin(), out.end());
    return out;
  }
};

TEST(Workshop, PublishesEverythingAndLeavesNothingBehind) {
  const Folder folder;
  write_file(folder / "a", "old");
  fs::permissions(folder / "a", fs::perms(0600));
  {
    Workshop workshop(folder.path);
    write_file(workshop.file("a"), "new");
    write_file(workshop.file("b"), "fresh");
    EXPECT_EQ(read_file(folder / "a"), "old");
    workshop.publish();
  }
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(read_file(folder / "a"), "new");
  EXPECT_EQ(fs::status(folder / "a").permissions(), fs::perms(0600));
}

TEST(Workshop, FilesInFoldersGoToFoldersOfThatNameBesideWhatIsThere) {
  const Folder folder;
  fs::create_directories(folder / "base");
  write_file(folder / "base/mine.yaml", "kept");
  write_file(folder / "base/app.yaml", "old");
  {
    Workshop workshop(folder.path);
    fs::create_directories(workshop.file("base/deep"));
    write_file(workshop.file("base/app.yaml"), "new");
    write_file(workshop.file("base/deep/x"), "fresh");
    EXPECT_EQ(workshop.files(), (std::vector<std::string>{"base/app.yaml", "base/deep/x"}));
    workshop.publish();
  }
  EXPECT_EQ(folder.names(), std::vector<std::string>{"base"});
  EXPECT_EQ(read_file(folder / "base/app.yaml"), "new");
  EXPECT_EQ(read_file(folder / "base/mine.yaml"), "kept");
  EXPECT_EQ(read_file(folder / "base/deep/x"), "fresh");
}

TEST(Workshop, WithoutPublishNothingWasTouched) {
  const Folder folder;
  write_file(folder / "a", "old");
  { write_file(Workshop(folder.path).file("a"), "new"); }
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a"});
  EXPECT_EQ(read_file(folder / "a"), "old");
}

TEST(Workshop, OneFileThatCannotBeReplacedKeepsAllOthers) {
  const Folder folder;
  write_file(folder / "a", "old");
  write_file(folder / "z", "read-only");
  fs::permissions(folder / "z", fs::perms(0444));
  fs::create_directory(folder / "folder");
  for (const std::string bad : {"z", "folder"}) {
    Workshop workshop(folder.path);
    fs::create_directories(workshop.file("b/deep"));
    for (const std::string& name : {std::string("a"), std::string("b/deep/x"), bad})
      write_file(workshop.file(name), "new");
    EXPECT_NE(error_of([&] { workshop.publish(); }), "no error");
  }
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"a", "folder", "z"}));
  EXPECT_EQ(read_file(folder / "a"), "old");
}

TEST(Workshop, RemovesWhatTheDeadHaveLeftAndNotWhatTheLivingUse) {
  const Folder folder;
  fs::create_directory(folder / ".hone-1");
  write_file(folder / ".hone-1/model.onnx", "left by a process that was killed");
  fs::create_directory(folder / ".hone-notes");
  const Workshop living(folder.path);
  const Workshop other(folder.path);
  EXPECT_FALSE(fs::exists(folder / ".hone-1"));
  EXPECT_TRUE(fs::exists(folder / ".hone-notes"));
  EXPECT_TRUE(fs::exists(living.path()));
  EXPECT_TRUE(fs::exists(other.path()));
}

TEST(Workshop, ErrorsSpeakOfTheFinalPlace) {
  const Folder folder;
  const Workshop workshop(folder.path);
  const Error e = workshop.with_final_names(
      io_error("cannot write '" + workshop.file("a.onnx") + "'").add_frame("while writing " + workshop.file("a.onnx")));
  EXPECT_EQ(std::string(e.what()),
            "cannot write '" + folder.path + "/a.onnx'\n  while writing " + folder.path + "/a.onnx");
}

TEST(Text, FormatsNumbersForPeople) {
  EXPECT_EQ(grouped(1234567), "1,234,567");
  EXPECT_EQ(grouped(-1234), "-1,234");
  EXPECT_EQ(human_count(950), "950");
  EXPECT_EQ(human_count(12'500'000), "12.5 M");
  EXPECT_EQ(percent(0.7548), "75.48 %");
}

TEST(Args, SuggestsTheNearestFlagAndNamesWhatIsMissing) {
  const auto parse = [](std::vector<std::string> words) {
    Args args("demo");
    std::string model, data;
    int64_t threads = 1;
    std::vector<std::string> inputs;
    args.positional("MODEL", model, "");
    args.option("--data", "DIR", data, "", true);
    args.option("--threads", "N", threads, "");
    args.option("--input", "FILE", inputs, "");
    args.parse(words);
    return model + " " + data + " " + std::to_string(threads) + " " + std::to_string(inputs.size());
  };
  EXPECT_EQ(parse({"m", "--data", "d", "--threads", "3", "--input", "a", "--input", "b"}), "m d 3 2");
  EXPECT_EQ(parse({"--input", "a", "m", "--data=d"}), "m d 1 1");
  EXPECT_NE(error_of([&] { parse({"m", "--dta", "d"}); }).find("did you mean --data?"), std::string::npos);
  EXPECT_NE(error_of([&] { parse({"m"}); }).find("--data is missing"), std::string::npos);
  EXPECT_NE(error_of([&] { parse({"m", "--data", "d", "--threads", "x"}); }).find("--threads"), std::string::npos);
  EXPECT_NE(error_of([&] { parse({"m", "--data"}); }).find("--data"), std::string::npos);
}

TEST(Args, WhatIsNotWhollyANumberIsAnError) {
  const auto parse = [](const std::string& flag, const std::string& text) {
    Args args("demo");
    int64_t jobs = 0, bytes = 0;
    double drop = 0;
    args.option("--jobs", "N", jobs, "", 0);
    args.option("--max-drop", "POINTS", drop, "");
    args.percent_option("--share", "PERCENT", drop, "");
    args.size_option("--max-memory", bytes, "");
    const std::vector<std::string> words{flag, text};
    args.parse(words);
    return std::to_string(jobs) + " " + to_text(drop) + " " + std::to_string(bytes);
  };
  for (const char* text : {"", " 1", "1 ", "0x10", "1e3", "+1", "100000000000000000000", "many"})
    EXPECT_NE(error_of([&] { parse("--jobs", text); }).find("expected a whole number"), std::string::npos) << text;
  EXPECT_EQ(error_of([&] { parse("--jobs", "-1"); }), "--jobs -1: expected 0 or more");
  EXPECT_EQ(error_of([&] { parse("--max-drop", "1%"); }),
            "--max-drop '1%': expected a number\n  hint: without the sign: --max-drop 1");
  EXPECT_EQ(parse("--share", "1.5%"), parse("--share", "1.5"));
  EXPECT_EQ(error_of([&] { parse("--share", "%"); }), "--share '%': expected a number");
  EXPECT_EQ(error_of([&] { parse("--share", "-1%"); }), "--share -1: expected 0 or more");
  EXPECT_EQ(parse("--max-memory", "1.5GB"), "0 0 1500000000");
  EXPECT_EQ(parse("--max-memory", "2MiB"), "0 0 2097152");
  EXPECT_EQ(parse("--max-memory", "1000"), "0 0 1000");
  EXPECT_EQ(parse("--max-memory", "1.5 GB"), "0 0 1500000000");
  for (const char* text : {"", " 1", "1 ", "1  GB", "MB", "-1GB", "1TBB", "1e30GB", "nan"})
    EXPECT_NE(error_of([&] { parse("--max-memory", text); }).find("expected a size"), std::string::npos) << text;
}

TEST(Args, SaysInItsOwnWordsWhatIsWrong) {
  const auto parse = [](std::vector<std::string> words) {
    Args args("demo");
    std::string model, output;
    bool is_json = false;
    args.positional("MODEL", model, "");
    args.option("-o,--output", "FILE", output, "");
    args.flag("--json", is_json, "");
    args.parse(words);
    return model + " " + output + (is_json ? " json" : "");
  };
  EXPECT_EQ(parse({"m", "-o", "x"}), "m x");
  EXPECT_EQ(parse({"m", "-ox", "--json"}), "m x json");
  EXPECT_EQ(parse({"--output=a=b", "-"}), "- a=b");
  EXPECT_EQ(parse({"--", "-m"}), "-m ");
  EXPECT_TRUE(error_of([&] { parse({"m", "-o"}); }).starts_with("demo: --output needs a value"));
  EXPECT_TRUE(error_of([&] { parse({"m", "-o", "--json"}); }).starts_with("demo: --output needs a value"));
  EXPECT_TRUE(error_of([&] { parse({"m", "-o", "x", "--output", "y"}); }).starts_with("demo: --output is given twice"));
  EXPECT_TRUE(error_of([&] { parse({"m", "--json=1"}); }).starts_with("demo: --json takes no value"));
  EXPECT_TRUE(error_of([&] { parse({"m", "n"}); }).starts_with("demo: unexpected argument 'n'"));
}

TEST(Args, TakesNegativeNumbersAsValues) {
  Args args("demo");
  double mean = 0;
  args.option("--mean", "M", mean, "");
  const std::vector<std::string> words{"--mean", "-1.5"};
  args.parse(words);
  EXPECT_EQ(mean, -1.5);
}

TEST(ModelArgs, ReadsShapesWithAndWithoutNames) {
  EXPECT_EQ(parse_shape("input=1x3x8x8").first, "input");
  EXPECT_EQ(parse_shape("1x3").second, (Dims{1, 3}));
  EXPECT_EQ(parse_shape("a=b:0=2").first, "a=b:0");
  EXPECT_NE(error_of([] { parse_shape("1x?"); }).find("'?' is not a dimension"), std::string::npos);
}

TEST(PreprocessArgs, OverlaysFlagsAndRejectsNonsense) {
  PreprocessArgs args;
  args.resize = "224x200";
  args.mean = "1,2,3";
  EXPECT_EQ(to_json(args.preprocess()), "{\"resize\":[224,200],\"mean\":[1,2,3]}");
  args.input_quant = "0.5,83";
  EXPECT_EQ(args.stored()->zero_point(), 83);
  args.input_quant = "0.5";
  EXPECT_NE(error_of([&] { args.stored(); }).find("expected scale,zero_point"), std::string::npos);
  args.scale = "big";
  EXPECT_NE(error_of([&] { args.preprocess(); }).find("--scale"), std::string::npos);
}

TEST(Commands, AreDescribedAndHaveAnExample) {
  for (const Command& command : all_commands()) {
    EXPECT_FALSE(command.summary.empty()) << command.name;
    EXPECT_TRUE(command.example.starts_with("hone ")) << command.name;
    EXPECT_NE(command.example.find(command.name), std::string_view::npos) << command.name;
  }
}

}  // namespace
}  // namespace hone
