// PyTorch archives: real models against what torch answered, and hostile ones.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/formats.h"
#include "formats/keras_file.h"
#include "formats/torch_case.h"
#include "ops/interpreter.h"
#include "support/test_data.h"

namespace hone {
namespace {

std::string scratch(const std::string& name) { return cat(testing::TempDir(), "torch_", ::getpid(), "_", name); }

std::string error_of(const std::string& path, const ReadOptions& options = {.shapes = {{"", {2, 3}}}}) {
  try {
    read_model(path, options);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

/// 0, 7, 14, … modulo 101, over 101.
Tensor ramp(Dims dims) {
  Tensor x = Tensor::empty(DType::kF32, std::move(dims));
  for (size_t i = 0; i < x.mutable_data<float>().size(); ++i)
    x.mutable_data<float>()[i] = static_cast<float>(i * 7 % 101) / 101;
  return x;
}

std::vector<double> answer(const std::string& path, const Tensor& x) {
  const std::vector<Tensor> inputs{x};
  return to_doubles(evaluate(read_model(path, {.shapes = {{"", x.dims()}}}), inputs).at(0));
}

TEST(TorchModels, SignLanguageOfPyTorchMobileAnswersAsTorchDoes) {
  const auto path = test_data("pytorch_mobile/asl.ptl");
  if (!path) GTEST_SKIP() << "real models and data are absent: set HONE_TEST_DATA";
  const std::vector<double> found = answer(*path, ramp({1, 3, 200, 200})),
                            torch{-2.4469,  -2.46643, -3.62265,   -3.20846,  -2.20529,  -3.18264,  -2.11433,  -2.50584,
                                  -1.68787, -1.33963, -2.84112,   -2.9444,   -1.15805,  -1.09421,  -1.28163,  -2.30522,
                                  -2.12734, -0.71301, -0.0837559, -0.886982, -0.266652, -0.552821, -0.940062, 0.0945097,
                                  -1.10351, -1.07118, -1.27152,   2.5213,    -0.790805};
  ASSERT_EQ(found.size(), torch.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], torch[i], 1e-4) << i;
}

// The original rounds activations to 8 bits in front of each of its 27 products: the answers differ by that.
TEST(TorchModels, VisionTransformerOfPyTorchMobileAnswersWithoutTheRoundingOfItsActivations) {
  const auto path = test_data("pytorch_mobile/vit4mnist.ptl");
  if (!path) GTEST_SKIP() << "real models and data are absent: set HONE_TEST_DATA";
  const std::vector<double> found = answer(*path, ramp({1, 1, 28, 28})),
                            torch{5.27843,  -5.3784,  0.00950134, -3.84316, 0.980965,
                                  -2.27977, 0.150881, -2.26676,   -3.15276, 0.960117};
  ASSERT_EQ(found.size(), torch.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], torch[i], 0.15) << i;
}

constexpr const char* kLinear = R"(class Net(Module):
  __parameters__ = ["w", ]
  w : Tensor
  def forward(self: __torch__.net.Net,
    x: Tensor,
    scale: float=2.) -> Tensor:
    w = self.w
    return torch.mul(torch.linear(x, w), scale)
)";

/// A network of `body` with a weight w: [2, 3].
std::string net(const std::string& body) {
  const std::string path = scratch("net.pt");
  std::string code = kLinear;
  if (!body.empty())
    code = "class Net(Module):\n  def forward(self: __torch__.net.Net,\n    x: Tensor) -> Tensor:\n" + body;
  write_torch(path, "__torch__.net.Net", {{"__torch__/net.py", code}},
              {{"w", Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6})}});
  return path;
}

TEST(TorchFiles, KeepNamesOfInputsAndWeightsAndTheDefaultsOfArguments) {
  const Graph graph = read_model(net(""), {.shapes = {{"x", {1, 3}}}});
  EXPECT_EQ(graph.value(graph.inputs().at(0)).name, "x");
  const std::vector<Tensor> x{Tensor::of<float>({1, 3}, {1, 1, 1})};
  EXPECT_EQ(to_doubles(evaluate(graph, x).at(0)), (std::vector<double>{12, 30}));
  bool has_weight = false;
  for (const NodeId id : graph.order())
    for (const ValueId in : graph.node(id).inputs) has_weight |= graph.value(in).name == "w";
  EXPECT_TRUE(has_weight);
}

TEST(TorchFiles, AskForTheShapesThatTheyDoNotTell) {
  const std::string path = net("");
  EXPECT_NE(error_of(path, {}).find("does not say which shape input 'x' has"), std::string::npos) << error_of(path, {});
  EXPECT_NE(error_of(path, {}).find("--shape x="), std::string::npos);
  EXPECT_NE(error_of(path, {.shapes = {{"y", {1}}}}).find("no input is called 'y'"), std::string::npos);
}

TEST(TorchFiles, KeepWhatTheProgramChangesFromRunToRun) {
  const Graph graph = read_model(net("    w = self.w\n"
                                     "    _0 = torch.copy_(torch.slice(w), torch.add(w, x))\n"
                                     "    return torch.mul(w, 2)\n"),
                                 {.shapes = {{"", {2, 3}}}});
  ASSERT_EQ(graph.states().size(), 1u);
  const std::vector<Tensor> x{Tensor::of<float>({2, 3}, {1, 1, 1, 1, 1, 1})};
  std::vector<Tensor> states;
  EXPECT_EQ(to_doubles(evaluate(graph, x, {.observe = {}, .states = &states}).at(0)),
            (std::vector<double>{4, 6, 8, 10, 12, 14}));
  EXPECT_EQ(to_doubles(evaluate(graph, x, {.observe = {}, .states = &states}).at(0)),
            (std::vector<double>{6, 8, 10, 12, 14, 16}));
}

/// if x.sum() > 0: FIRST else: SECOND, between what comes before and after.
std::string branching(const std::string& before, const std::string& first, const std::string& second,
                      const std::string& after) {
  return net(cat(before, "    if bool(torch.gt(torch.sum(x), 0.)):\n      ", first, "\n    else:\n      ", second, "\n",
                 after));
}

TEST(TorchFiles, WhoseBranchOnDataChangesWhatIsOutsideAreRefused) {
  const std::string joined = "    return torch.cat(outs, 0)\n", scaled = "    return torch.mul(x, n[0])\n",
                    list = "    outs = [x]\n", numbers = "    n = [1., 5.]\n";
  const auto refused = [](const std::string& path) {
    const std::string error = error_of(path);
    EXPECT_NE(error.find("from outside in a branch or loop on data"), std::string::npos) << error;
  };
  refused(branching(list, "torch.append(outs, x)", "torch.append(outs, torch.neg(x))", joined));
  refused(branching(list, "torch.insert(outs, 0, x)", "pass", joined));
  refused(branching(list, "torch.extend(outs, [x])", "pass", joined));
  refused(branching("    outs = [x, x]\n", "pass", "a = torch.pop(outs)", joined));
  refused(branching(numbers, "torch.reverse(n)", "pass", scaled));
  refused(branching(numbers, "torch._set_item(n, 0, 2.)", "pass", scaled));
  refused(branching("    n = {0: 1.}\n", "torch._set_item(n, 0, 2.)", "pass", scaled));
  refused(branching("    self.k = 1.\n", "self.k = 2.", "self.k = 3.", "    return torch.mul(x, self.k)\n"));
  refused(branching("    y = torch.neg(x)\n", "z = torch.add_(torch.select(y, 0, 0), 1)", "pass", "    return y\n"));
  refused(branching("    w = self.w\n", "z = torch.add_(w, 1)", "pass", "    return torch.mul(w, x)\n"));
  refused(branching("", "z = torch.add_(self.w, 1)", "z = x", "    return torch.mul(self.w, z)\n"));
  refused(net(list +
              "    n = torch.sum(x)\n    while bool(torch.gt(n, 0.)):\n      n = torch.sub(n, 1.)\n"
              "      torch.append(outs, x)\n" +
              joined));
}

TEST(TorchFiles, ChangeWhatABranchOnDataMadeAndWhatTheOnlyWayWithoutAnErrorChanges) {
  const std::vector<Tensor> x{Tensor::of<float>({1, 3}, {1, 2, 3})};
  const auto answers = [&](const std::string& path) {
    return to_doubles(evaluate(read_model(path, {.shapes = {{"", {1, 3}}}}), x).at(0));
  };
  EXPECT_EQ(answers(branching("", "n = [2.]\n      torch.append(n, 3.)\n      y = torch.mul(x, n[1])", "y = x",
                              "    return y\n")),
            (std::vector<double>{3, 6, 9}));
  const std::string raise = "ops.prim.RaiseException(\"no\")";
  EXPECT_EQ(answers(branching("    outs = [x]\n", "torch.append(outs, x)", raise, "    return torch.cat(outs, 0)\n")),
            (std::vector<double>{1, 2, 3, 1, 2, 3}));
  EXPECT_EQ(answers(branching("    outs = [x]\n", raise, "torch.append(outs, x)", "    return torch.cat(outs, 0)\n")),
            (std::vector<double>{1, 2, 3, 1, 2, 3}));
}

// What changes elsewhere is a state of the model, wherever the program meets it first.
TEST(TorchFiles, MeetAStateInABranchOnDataFirst) {
  const Graph graph = read_model(
      branching("", "y = torch.mul(self.w, x)", "y = x", "    w = self.w\n    _0 = torch.add_(w, 1)\n    return y\n"),
      {.shapes = {{"", {2, 3}}}});
  ASSERT_EQ(graph.states().size(), 1u);
  const std::vector<Tensor> x{Tensor::of<float>({2, 3}, {1, 1, 1, 1, 1, 1})};
  std::vector<Tensor> states;
  for (const double first : {1, 2})
    EXPECT_EQ(to_doubles(evaluate(graph, x, {.observe = {}, .states = &states}).at(0)),
              (std::vector<double>{first, first + 1, first + 2, first + 3, first + 4, first + 5}));
}

TEST(TorchFiles, FindTheDTypeOfAnInputThatABranchOnDataIndexesWith) {
  const std::string looked = "torch.embedding(self.w, x)";
  const Graph graph =
      read_model(branching("", cat("y = ", looked), cat("y = torch.neg(", looked, ")"), "    return y\n"),
                 {.shapes = {{"", {1}}}});
  EXPECT_EQ(graph.type(graph.inputs().at(0)).dtype, DType::kI64);
  const std::vector<Tensor> x{Tensor::of<int64_t>({1}, {1})};
  EXPECT_EQ(to_doubles(evaluate(graph, x).at(0)), (std::vector<double>{4, 5, 6}));
  EXPECT_NE(error_of(branching("    z = torch.neg(x)\n", "y = torch.embedding(self.w, z)", "y = z", "    return y\n"))
                .find("indexes with floats"),
            std::string::npos);
}

TEST(TorchFiles, ThatNestExpressionsOverManyCallsAreAnError) {
  std::string code, path = scratch("deep.pt");
  for (int i = 0; i < 40; ++i) {
    std::string nested = i < 39 ? cat("__torch__.net.f", i + 1, "(x)") : "torch.relu(x)";
    for (int level = 0; level < 60; ++level) {
      nested = "[" + nested + "]";
      for (int link = 0; link < 60; ++link) nested += "[0]";
    }
    code += cat("def f", i, "(x: Tensor) -> Tensor:\n  return ", nested, "\n");
  }
  code += "class Net(Module):\n  def forward(self, x: Tensor) -> Tensor:\n    return __torch__.net.f0(x)\n";
  write_torch(path, "__torch__.net.Net", {{"__torch__/net.py", code}}, {});
  EXPECT_NE(error_of(path).find("nested deeper than"), std::string::npos) << error_of(path);
}

TEST(TorchFiles, ThatUseNoTensorAsOneAreAnError) {
  for (const std::string body : {"    torch.size_(x)\n    return x\n",
                                 "    y = torch.mul(x, 1.)\n    c = torch.chunk(y, 3, -1)\n    a, b, d = c\n"
                                 "    torch.transpose_(y, 0, 1)\n    return torch.relu(d)\n"}) {
    const std::string error = error_of(net(body));
    EXPECT_NE(error, "") << body;
    EXPECT_EQ(error.find("bad_variant"), std::string::npos) << error;
  }
}

TEST(TorchFiles, CountTheirRangesAndNarrowFromTheEndAsTorchDoes) {
  const auto answer_of = [](const std::string& body) { return answer(net(body), ramp({1, 3})); };
  const auto scaled = [&](const std::string& number) {
    return answer_of(cat("    return torch.add(torch.mul(x, 0), ", number, ")\n")).at(0);
  };
  EXPECT_EQ(scaled("torch.__range_length(0, 10, 9223372036854775807)"), 1);
  EXPECT_EQ(scaled("torch.__range_length(0, 10, 3)"), 4);
  EXPECT_EQ(scaled("torch.__range_length(10, 0, -3)"), 4);
  EXPECT_EQ(scaled("torch.__range_length(9223372036854775807, -9223372036854775808, 1)"), 0);
  EXPECT_EQ(scaled("torch.len(range(9223372036854775800, 9223372036854775807, 4))"), 2);
  EXPECT_EQ(scaled("int(torch.div(0., 1.))"), 0);
  EXPECT_EQ(scaled("torch.len(range(int(torch.tensor(nan))))"), 0);
  EXPECT_EQ(answer_of("    return torch.narrow(x, 1, -2, 2)\n"), answer_of("    return torch.narrow(x, 1, 1, 2)\n"));
  EXPECT_EQ(answer_of("    return torch.narrow(x, 1, -2, 2)\n").size(), 2u);
  EXPECT_NE(error_of(net("    return torch.narrow(x, 1, 2, 2)\n")).find("of an axis of 3"), std::string::npos);
  EXPECT_NE(error_of(net("    return torch.narrow(x, 1, -4, 2)\n")).find("of an axis of 3"), std::string::npos);
}

TEST(TorchFiles, NameTheOperatorThatIsNotKnownAndTheModuleThatUsesIt) {
  const std::string error = error_of(net("    return torch.mystery(x)\n"));
  EXPECT_NE(error.find("operator 'mystery'"), std::string::npos) << error;
}

TEST(TorchFiles, WithoutAProgramSayHowToSaveOne) {
  const std::string path = scratch("weights.pt");
  write_zip(path, {{"net/data.pkl", "\x80\x02}."}, {"net/version", "3\n"}}, false);
  EXPECT_NE(error_of(path).find("weights without a graph"), std::string::npos) << error_of(path);
  EXPECT_NE(error_of(path).find("torch.jit.trace"), std::string::npos);
}

TEST(TorchFiles, OfTorchExportSayWhatIsReadInstead) {
  const std::string path = scratch("exported.pt2");
  write_zip(path, {{"net/models/model.json", "{}"}, {"net/archive_format", "pt2"}}, false);
  EXPECT_NE(error_of(path).find("torch.export"), std::string::npos) << error_of(path);
  EXPECT_NE(error_of(path).find("torch.jit.trace"), std::string::npos);
}

/// An archive around a pickle of one's own.
std::string with_pickle(const std::string& pickle) {
  const std::string path = scratch("pickle.pt");
  write_zip(path, {{"net/data.pkl", pickle}, {"net/code/__torch__/net.py", kLinear}}, false);
  return path;
}

TEST(TorchPickles, CallNothingAndNameWhatTheyWouldCall) {
  const std::string error =
      error_of(with_pickle("\x80\x02"
                           "cos\nsystem\n" +
                           pickled_text("ls") + "\x85R."));
  EXPECT_NE(error.find("the pickle calls 'os.system'"), std::string::npos) << error;
  EXPECT_NE(error_of(with_pickle("\x80\x02"
                                 "cbuiltins\neval\n)\x81."))
                .find("'builtins.eval'"),
            std::string::npos);
  EXPECT_NE(error_of(with_pickle("\x80\x02I1\n.")).find("opcode"), std::string::npos);
}

TEST(TorchPickles, ThatReachOutsideOfTheirStorageAreAnError) {
  const std::string path = scratch("outside.pt");
  write_torch(path, "__torch__.net.Net", {{"__torch__/net.py", kLinear}}, {{"w", Tensor::zeros(DType::kF32, {2, 3})}});
  std::string bytes = read_file(path);
  const std::string dims = "(" + pickled_int(2) + pickled_int(3) + "t";
  const size_t at = bytes.find(dims);
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, dims.size(), "(" + pickled_int(2) + pickled_int(999) + "t");
  write_file(path, bytes);
  EXPECT_NE(error_of(path).find("reaches element"), std::string::npos) << error_of(path);
}

/// A tensor of the storage "0", which holds n·n elements, with its axes exchanged.
std::string exchanged(int32_t n) {
  return cat("ctorch._utils\n_rebuild_tensor_v2\n((", pickled_text("storage"), "ctorch\nFloatStorage\n",
             pickled_text("0"), pickled_text("cpu"), pickled_int(n * n), "tQ", pickled_int(0), "(", pickled_int(n),
             pickled_int(n), "t(", pickled_int(1), pickled_int(n), "t\x89", "ccollections\nOrderedDict\n)RtR");
}

TEST(TorchPickles, ThatMakeMuchOfLittleAreAnErrorSoon) {
  const std::string name = pickled_text(std::string(100'000, 'a')) + "q" + std::string(1, '\0') + "0";
  const auto repeated = [](const std::string& piece, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += piece;
    return out;
  };
  const std::string begin("\x80\x02", 2), get("h\0", 2);
  const std::string error = error_of(with_pickle(begin + name + repeated(get + get + "\x93" + "0", 20'000) + "."));
  EXPECT_NE(error.find("bytes of values"), std::string::npos) << error;
  const std::string fields = "}" + get + "Ns" + std::string("q\1", 2) + "0",
                    object = "c__torch__.net\nNet\n)\x81" + std::string("h\1", 2) + "b0";
  EXPECT_NE(error_of(with_pickle(begin + name + fields + repeated(object, 20'000) + ".")).find("bytes of values"),
            std::string::npos);
  const std::string path = scratch("copies.pt");
  const auto write = [&](int times) {
    write_zip(path,
              {{"net/data.pkl", begin + repeated(exchanged(512) + "0", times) + "N."},
               {"net/data/0", std::string(512 * 512 * 4, '\0')},
               {"net/code/__torch__/net.py", kLinear}},
              true);
  };
  write(10);
  EXPECT_NE(error_of(path).find("expected a module"), std::string::npos) << error_of(path);
  write(1000);
  EXPECT_NE(error_of(path).find("bytes of values"), std::string::npos) << error_of(path);
}

TEST(TorchFiles, WhoseFewStepsTakeMuchEndInAnErrorSoon) {
  const std::vector<std::string> bodies{
      "    l = torch.mul([1], 1000000)\n    while True:\n      s = torch.sum(l)\n",
      "    l = torch.mul([1], 1000000)\n    a = [0]\n    while True:\n      k = [0]\n      torch.extend(k, l)\n"
      "      torch.append(a, k)\n",
      "    d = {0: 0}\n    i = 0\n    while True:\n      i = torch.add(i, 1)\n      torch._set_item(d, i, i)\n",
      "    l = torch.mul([1], 1000000)\n    k = torch.copy(l)\n    while True:\n      y = torch.eq(l, k)\n",
      "    y = torch.arange(60000)\n    while True:\n      s = torch.sum(y)\n",
      "    while True:\n      if bool(torch.gt(torch.sum(x), 0.)):\n        y = x\n      else:\n        y = "
      "torch.neg(x)\n",
  };
  for (const std::string& body : bodies) {
    const std::string error = error_of(net(body));
    EXPECT_NE(error.find("the program "), std::string::npos) << body << error;
  }
}

TEST(TorchFiles, ThatAreHostileEndInAnErrorSoon) {
  const std::string deep(100, '('), pairs(60, ')');
  const std::vector<std::string> bodies{
      "    while True:\n      pass\n",
      "    for i in range(9223372036854775807):\n      pass\n",
      "    return (self).forward(x, )\n",
      "    return " + deep + "x\n",
      "    y = [x]\n    while True:\n      y = torch.add(y, y)\n",
      "    y = \"a\"\n    while True:\n      y = torch.add(y, y)\n",
      "    y = x\n    while True:\n      y = torch.add(y, y)\n",
      "    y = [0]\n    while True:\n      y = torch.mul(y, 2)\n      z = torch.zeros(y)\n",
      "    while True:\n      y = torch.arange(1000000)\n",
      "    return torch.zeros([1000000000, 1000000000, 1000000000])\n",
      "    return unknown\n",
      "    return torch.view(x, [-1, -1])\n",
      "    return x\n    broken(\n",
  };
  for (const std::string& body : bodies) EXPECT_NE(error_of(net(body)), "") << body;
  std::string nested = "    y = x\n";
  for (int i = 0; i < 40; ++i) nested += "    y = [y, y]\n";
  EXPECT_NE(error_of(net(nested + "    return y\n")), "");
}

TEST(TorchFiles, ThatAreTruncatedOrDamagedAreAnErrorOrAModel) {
  const std::string path = net(""), bytes = read_file(path);
  const auto try_bytes = [&](const std::string& changed) {
    try {
      read_model(std::as_bytes(std::span(changed)), "net.pt", {.shapes = {{"", {2, 3}}}});
    } catch (const Error& e) {
      EXPECT_NE(e.code(), ErrorCode::kInternal) << e.what();
    }
  };
  for (size_t size = 0; size < bytes.size(); size += 7) try_bytes(bytes.substr(0, size));
  for (size_t at = 0; at < bytes.size(); at += 3) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 8)));
    try_bytes(changed);
  }
}

}  // namespace
}  // namespace hone
