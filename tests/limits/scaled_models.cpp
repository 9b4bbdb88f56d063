// Inspects models of each family, N nodes and then 6 N, in a function whose instructions callgrind counts apart. Prints
// the families' names, a line each: scaled_models N
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/text.h"
#include "formats/onnx/test_model.h"
#include "measure/inspect.h"
#include "providers/cpu/provider.h"

namespace hone {
namespace {

using onnx::AttributeList;
using onnx::testing::GraphParts;
using onnx::testing::node;
using onnx::testing::value;

/// Models of one kind and any size. Reading, preparing and planning them must take time in proportion to it.
struct Family {
  std::string_view name;
  void (*build)(GraphParts& parts, int64_t n);
};

std::string at(const char* what, int64_t i) { return cat(what, i); }

const Shape kRow{1, 4}, kPlanes{1, 2, 4, 4};

void add_input(GraphParts& p, const std::string& name, const Shape& shape) {
  p.inputs.push_back(value(name, DType::kF32, shape));
}
void add_output(GraphParts& p, const std::string& name, const Shape& shape) {
  p.outputs.push_back(value(name, DType::kF32, shape));
}
void add_constant(GraphParts& p, const std::string& name, Dims dims, int64_t k) {
  Tensor t = Tensor::zeros(DType::kF32, std::move(dims));
  t.mutable_data<float>()[0] = static_cast<float>(k);
  p.initializers.push_back(onnx::encode_tensor(name, t));
}

void build_chain(GraphParts& p, int64_t n) {
  add_input(p, "x0", kRow);
  for (int64_t i = 0; i < n; ++i) p.nodes.push_back(node(i % 2 ? "Relu" : "Sigmoid", {at("x", i)}, {at("x", i + 1)}));
  add_output(p, at("x", n), kRow);
}

/// Each node stands before the one that it reads.
void build_reversed(GraphParts& p, int64_t n) {
  build_chain(p, n);
  std::reverse(p.nodes.begin(), p.nodes.end());
}

void build_inputs(GraphParts& p, int64_t n) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < n; ++i) add_input(p, names.emplace_back(at("x", i)), kRow);
  p.nodes.push_back(node("Sum", names, {"y"}));
  add_output(p, "y", kRow);
}

void build_outputs(GraphParts& p, int64_t n) {
  add_input(p, "x", kRow);
  for (int64_t i = 0; i < n; ++i) {
    add_constant(p, at("c", i), {4}, i);
    p.nodes.push_back(node("Add", {"x", at("c", i)}, {at("y", i)}));
    add_output(p, at("y", i), kRow);
  }
}

void build_equal_outputs(GraphParts& p, int64_t n) {
  add_input(p, "x", kRow);
  for (int64_t i = 0; i < n; ++i) {
    p.nodes.push_back(node("Relu", {"x"}, {at("y", i)}));
    add_output(p, at("y", i), kRow);
  }
}

void build_symbols(GraphParts& p, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const Shape shape{Dim(at("s", i)), Dim(4)};
    add_input(p, at("x", i), shape);
    p.nodes.push_back(node("Relu", {at("x", i)}, {at("y", i)}));
    add_output(p, at("y", i), shape);
  }
}

void build_convs(GraphParts& p, int64_t n) {
  add_input(p, "x0", kPlanes);
  for (int64_t i = 0; i < n; ++i) {
    add_constant(p, at("w", i), {2, 2, 1, 1}, i);
    p.nodes.push_back(node("Conv", {at("x", i), at("w", i)}, {at("x", i + 1)}));
  }
  add_output(p, at("x", n), kPlanes);
}

/// Layouts of as many inputs and outputs as there are nodes.
void build_pools(GraphParts& p, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    add_input(p, at("x", i), kPlanes);
    p.nodes.push_back(
        node("MaxPool", {at("x", i)}, {at("y", i)}, AttributeList().add("kernel_shape", std::vector<int64_t>{1, 1})));
    add_output(p, at("y", i), kPlanes);
  }
}

void build_shapes(GraphParts& p, int64_t n) {
  add_input(p, "x0", {Dim("n"), Dim(4)});
  for (int64_t i = 0; i < n / 2; ++i) {
    p.nodes.push_back(node("Shape", {at("x", i)}, {at("s", i)}));
    p.nodes.push_back(node("Reshape", {"x0", at("s", i)}, {at("x", i + 1)}));
  }
  add_output(p, at("x", n / 2), {Dim("n"), Dim(4)});
}

/// All of them share their constants.
void build_batch_norms(GraphParts& p, int64_t n) {
  for (const char* name : {"a", "b", "c", "d"}) add_constant(p, name, {2}, 1);
  add_input(p, "x0", kPlanes);
  for (int64_t i = 0; i < n; ++i)
    p.nodes.push_back(node("BatchNormalization", {at("x", i), "a", "b", "c", "d"}, {at("x", i + 1)}));
  add_output(p, at("x", n), kPlanes);
}

/// One node reads what all others make.
void build_concat_of_pools(GraphParts& p, int64_t n) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < n; ++i) {
    add_input(p, at("x", i), kPlanes);
    const auto kernel = AttributeList().add("kernel_shape", std::vector<int64_t>{1, 1});
    p.nodes.push_back(node("MaxPool", {at("x", i)}, {names.emplace_back(at("y", i))}, kernel));
  }
  p.nodes.push_back(node("Concat", names, {"z"}, AttributeList().add("axis", int64_t{1})));
  add_output(p, "z", {1, 2 * n, 4, 4});
}

void build_concat_of_constants(GraphParts& p, int64_t n) {
  std::vector<std::string> names{"x"};
  add_input(p, "x", kRow);
  for (int64_t i = 0; i < n; ++i) {
    add_constant(p, at("c", i), {1, 4}, i / 2);
    p.nodes.push_back(node("Exp", {at("c", i)}, {names.emplace_back(at("e", i))}));
  }
  p.nodes.push_back(node("Concat", names, {"z"}, AttributeList().add("axis", int64_t{0})));
  add_output(p, "z", {n + 1, 4});
}

void build_concat_of_one(GraphParts& p, int64_t n) {
  add_input(p, "x", kRow);
  p.nodes.push_back(node("Relu", {"x"}, {"y"}));
  p.nodes.push_back(node("Concat", std::vector<std::string>(static_cast<size_t>(n), "y"), {"z"},
                         AttributeList().add("axis", int64_t{0})));
  add_output(p, "z", {n, 4});
}

/// Each result leaves the graph and is another's again.
void build_identities(GraphParts& p, int64_t n) {
  add_input(p, "x", kRow);
  p.nodes.push_back(node("Relu", {"x"}, {"y0"}));
  for (int64_t i = 0; i < n; ++i) {
    p.nodes.push_back(node("Identity", {at("y", i)}, {at("y", i + 1)}));
    add_output(p, at("y", i + 1), kRow);
  }
}

void build_branches(GraphParts& p, int64_t n) {
  add_input(p, "x0", kRow);
  p.inputs.push_back(value("c", DType::kBool, Shape{}));
  for (int64_t i = 0; i < n; ++i) {
    const auto branch = [&](const char* op) {
      GraphParts b;
      b.nodes.push_back(node(op, {at("x", i)}, {at(op, i)}));
      add_output(b, at(op, i), kRow);
      return onnx::testing::graph(b);
    };
    AttributeList branches;
    branches.add_graph("then_branch", branch("Tanh")).add_graph("else_branch", branch("Sigmoid"));
    p.nodes.push_back(node("If", {"c"}, {at("x", i + 1)}, branches));
  }
  add_output(p, at("x", n), kRow);
}

/// Names that those made for new values would have.
void build_taken_names(GraphParts& p, int64_t n) {
  add_input(p, "relu_0", kRow);
  for (int64_t i = 0; i < n; ++i)
    p.nodes.push_back(node(i % 2 ? "Relu" : "Tanh", {at("relu_", i)}, {at("relu_", i + 1)}, {}, "", "relu"));
  add_output(p, at("relu_", n), kRow);
}

constexpr Family kFamilies[] = {
    {"chain", build_chain},
    {"reversed", build_reversed},
    {"inputs", build_inputs},
    {"outputs", build_outputs},
    {"equal outputs", build_equal_outputs},
    {"symbols", build_symbols},
    {"convolutions", build_convs},
    {"pools", build_pools},
    {"shapes", build_shapes},
    {"batch norms", build_batch_norms},
    {"pools into one", build_concat_of_pools},
    {"constants into one", build_concat_of_constants},
    {"one value into one", build_concat_of_one},
    {"identities", build_identities},
    {"branches", build_branches},
    {"taken names", build_taken_names},
};

}  // namespace
}  // namespace hone

extern "C" __attribute__((noinline)) int64_t hone_counted(const std::string* bytes) {
  return hone::summarize(hone::onnx::testing::read(*bytes), {.providers = {&hone::cpu_provider()}}).peak_bytes;
}

int main(int, char** arguments) {
  const int64_t few = std::atoll(arguments[1]);
  for (const hone::Family& family : hone::kFamilies) {
    std::printf("%s\n", std::string(family.name).c_str());
    for (const int64_t n : {few, 6 * few}) {
      hone::onnx::testing::GraphParts parts;
      family.build(parts, n);
      const std::string bytes = hone::onnx::testing::model(hone::onnx::testing::graph(parts));
      if (hone_counted(&bytes) < 0) return 1;
    }
  }
}
