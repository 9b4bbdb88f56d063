// Runs small int8 networks under callgrind, counting one inference of each after two that warm up. A dump for each is
// named NETWORK-KIND.
#include <cstdio>
#include <string>

#include "measure/engine.h"
#include "networks.h"
#include "providers/cpu/provider.h"
#include "runtime/program.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#define CALLGRIND_ZERO_STATS
#define CALLGRIND_DUMP_STATS_AT(name) static_cast<void>(name)
#endif

namespace {

using namespace hone;

void count(std::string_view name, bench::Stored stored, const char* kind) {
  const Graph graph = bench::network(name, stored, false);
  const Engine engine{.providers = {&cpu_provider()}, .plan = {.threads = 1}};
  const Infer run = infer_of(Program::prepared(graph, engine))();
  const TensorType& type = graph.type(graph.inputs()[0]);
  const Tensor x = Tensor::zeros(type.dtype, type.shape.dims(), type.quant);
  for (int i = 0; i < 2; ++i) run({&x, 1});
  const std::string label = std::string(name) + "-" + kind;
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
  run({&x, 1});
  CALLGRIND_DUMP_STATS_AT(label.c_str());
  CALLGRIND_STOP_INSTRUMENTATION;
}

}  // namespace

int main() {
  for (const char* name : {"resnet8", "ds_cnn", "vww", "ad"}) count(name, bench::Stored::kI8, "s8");
  for (const char* name : {"resnet8", "vww"}) count(name, bench::Stored::kU8, "u8");
}
