// Runs each model file on zeros, once to warm up, then in a function whose instructions callgrind counts apart.

#include <cstdio>

#include "base/error.h"
#include "formats/formats.h"
#include "providers/cpu/provider.h"
#include "runtime/program.h"
#include "runtime/session.h"

namespace hone {
namespace {

std::vector<Tensor> zeros_for(const Graph& graph) {
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs())
    inputs.push_back(Tensor::zeros(graph.type(id).dtype, graph.type(id).shape.dims(), graph.type(id).quant));
  return inputs;
}

}  // namespace
}  // namespace hone

extern "C" __attribute__((noinline)) void hone_counted(hone::Session* session,
                                                       const std::vector<hone::Tensor>* inputs) {
  session->run(*inputs);
}

int main(int count, char** files) {
  try {
    for (int i = 1; i < count; ++i) {
      const hone::Graph graph = hone::read_model(files[i]);
      hone::Session session(hone::Program::prepared(graph, {.providers = {&hone::cpu_provider()}, .plan = {}}));
      const std::vector<hone::Tensor> inputs = hone::zeros_for(graph);
      session.run(inputs);
      hone_counted(&session, &inputs);
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 1;
  }
}
