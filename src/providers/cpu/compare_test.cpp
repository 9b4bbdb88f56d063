#include "providers/cpu/compare_test.h"

#include <cmath>

#include "ops/interpreter.h"

namespace hone::cpu {

std::vector<Isa> levels() {
  std::vector<Isa> found;
  for (Isa isa : all_levels()) {
    if (is_supported(isa)) found.push_back(isa);
  }
  return found;
}

Tensor Random::f32(Dims dims, float low, float high) {
  Tensor t = Tensor::empty(DType::kF32, std::move(dims));
  for (float& v : t.mutable_data<float>()) v = real(low, high);
  return t;
}

Tensor Random::bytes(DType dtype, Dims dims, QuantPtr quant) {
  Tensor t = Tensor::empty(dtype, std::move(dims), std::move(quant));
  for (int64_t i = 0; i < t.elements(); ++i) {
    static_cast<uint8_t*>(t.mutable_raw())[i] = static_cast<uint8_t>(integer(0, 255));
  }
  return t;
}

QuantPtr Random::quant(DType dtype, float scale) {
  const int64_t zero = dtype == DType::kU8 ? integer(90, 160) : integer(-30, 30);
  return QuantParams::per_tensor(scale, static_cast<int32_t>(zero));
}

std::vector<Tensor> run(const Graph& graph, const Provider& provider, std::vector<Tensor> inputs, bool exact,
                        int threads, std::string* kernel) {
  const Provider* providers[] = {&provider};
  auto plan = Plan::compile(graph, providers, {.threads = threads, .exact = exact});
  if (kernel != nullptr) *kernel = std::string(plan->steps().back().step->kernel);
  Session session(plan);
  std::vector<Tensor> results;
  for (const Tensor& t : session.run(inputs)) results.push_back(t.clone());
  return results;
}

void expect_close(const Graph& graph, const std::vector<Tensor>& inputs, double tolerance) {
  const std::vector<Tensor> expected = evaluate(graph, inputs);
  for (Isa isa : levels()) {
    std::string kernel;
    const std::vector<Tensor> got = run(graph, provider_for(isa), inputs, false, 2, &kernel);
    EXPECT_NE(kernel, "reference") << graph.name;
    ASSERT_EQ(got.size(), expected.size());
    for (size_t o = 0; o < got.size(); ++o) {
      ASSERT_EQ(got[o].dims(), expected[o].dims());
      const std::vector<double> a = to_doubles(got[o]), b = to_doubles(expected[o]);
      for (size_t i = 0; i < a.size(); ++i) {
        ASSERT_NEAR(a[i], b[i], tolerance * (1 + std::abs(b[i]))) << isa_name(isa) << " element " << i;
      }
    }
  }
}

void expect_one_step(const Graph& graph, const std::vector<Tensor>& inputs, bool has_exact_kernel) {
  const std::vector<Tensor> expected = evaluate(graph, inputs);
  std::vector<Tensor> first;
  for (Isa isa : levels()) {
    for (int threads : {1, 3}) {
      std::string kernel;
      const std::vector<Tensor> got = run(graph, provider_for(isa), inputs, false, threads, &kernel);
      EXPECT_NE(kernel, "reference");
      if (first.empty()) first = got;
      for (size_t o = 0; o < got.size(); ++o) {
        EXPECT_TRUE(identical(got[o], first[o])) << isa_name(isa) << " differs from portable";
        const std::vector<int64_t> a = to_ints(got[o].with_quant(nullptr)),
                                   b = to_ints(expected[o].with_quant(nullptr));
        for (size_t i = 0; i < a.size(); ++i) {
          ASSERT_LE(std::abs(a[i] - b[i]), 1) << isa_name(isa) << " element " << i << ": " << a[i] << ", " << b[i];
        }
      }
    }
    if (graph.arithmetic != QuantArithmetic::kFixedPoint) continue;
    std::string kernel;
    const std::vector<Tensor> exact = run(graph, provider_for(isa), inputs, true, 2, &kernel);
    EXPECT_EQ(kernel != "reference", has_exact_kernel) << kernel;
    for (size_t o = 0; o < exact.size(); ++o) {
      EXPECT_TRUE(identical(exact[o].with_quant(nullptr), expected[o].with_quant(nullptr))) << isa_name(isa);
    }
  }
}

}  // namespace hone::cpu
