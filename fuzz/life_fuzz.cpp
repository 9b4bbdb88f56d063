// A graph in hone's text form, changed in its structure, and everything hone does with a model: read, verified, run on
// the reference, passed through the standard pipeline, run on the cpu, written in both formats and read again.
#include <algorithm>
#include <cstring>
#include <string>

#include "ir/text.h"
#include "ops/all.h"
#include "sweep/life.h"
#include "sweep/text_mutator.h"
#include "target.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

const hone::OpSet& ops() {
  static const auto* const kOps = new hone::OpSet(hone::all_ops());
  return *kOps;
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  std::mt19937_64 random(seed);
  if (random() % 16 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const std::string text = hone::sweep::mutated(hone::fuzz::text_of(data, size), ops(), random);
  const size_t length = std::min(text.size(), max_size);
  std::memcpy(data, text.data(), length);
  return length;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const hone::sweep::Life life =
      hone::sweep::live([&] { return hone::parse_graph(hone::fuzz::text_of(data, size), ops()); }, {});
  if (!life.fault.empty()) throw hone::internal_error(life.fault);
  return 0;
}
