// A graph in hone's text form, changed in its structure, and everything hone does with a model: read, verified, run on
// the reference, passed through the standard pipeline, run on the cpu, written in both formats and read again.
#include "ir/text.h"
#include "life.h"
#include "ops/all.h"
#include "sweep/text_mutator.h"

namespace {

const hone::OpSet& ops() {
  static const auto* const kOps = new hone::OpSet(hone::all_ops());
  return *kOps;
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return hone::fuzz::mutate(data, size, max_size, seed, [](std::string_view text, std::mt19937_64& random) {
    return hone::sweep::mutated(text, ops(), random);
  });
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return hone::fuzz::must_live([&] { return hone::parse_graph(hone::fuzz::text_of(data, size), ops()); });
}
