// A user of the installed C++ API: reads a model, quantizes it, runs both.
#include <hone/hone.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const hone::Model model = hone::Model::load(argv[1]);
  const hone::Tensor zeros = hone::Tensor::zeros(hone::DType::kF32, model.inputs().at(0).type.shape.dims());
  const hone::Model small = hone::quantize_int8(model, {1, [&](size_t) { return std::vector{zeros}; }});
  hone::Inference a(model), b(small);
  const auto n = a.run({zeros}).at(0).elements();
  std::printf("hone %s: %lld and %lld scores\n", hone::version(), static_cast<long long>(n),
              static_cast<long long>(b.run({zeros}).at(0).elements()));
}
