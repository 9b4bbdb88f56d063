#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <random>
#include <string>

#include "sweep/life.h"
#include "target.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace hone::fuzz {

/// A custom mutator of libFuzzer's around one that knows the structure: `mutated(bytes, random)`. One in sixteen times
/// the bytes are changed blindly.
template <class Mutated>
size_t mutate(uint8_t* data, size_t size, size_t max_size, unsigned seed, Mutated&& mutated) {
  std::mt19937_64 random(seed);
  if (random() % 16 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const std::string changed = mutated(text_of(data, size), random);
  if (changed.empty() || changed.size() > max_size) return size;
  std::memcpy(data, changed.data(), changed.size());
  return changed.size();
}

/// Everything hone does with a model (sweep/life.h); a fault ends the fuzz run.
inline int must_live(const std::function<Graph()>& read) {
  const sweep::Life life = sweep::live(read, {});
  if (!life.fault.empty()) throw internal_error(life.fault);
  return 0;
}

}  // namespace hone::fuzz
