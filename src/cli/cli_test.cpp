#include <gtest/gtest.h>

#include "base/error.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/model_args.h"
#include "cli/table.h"

namespace hone {
namespace {

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
