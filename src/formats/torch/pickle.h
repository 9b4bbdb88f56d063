#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "formats/torch/value.h"

namespace hone::torch {

/// Reads a pickle as data: nothing in it is ever called. Globals are names; what torch's own pickles do with those that
/// are known (tensors, lists with a type, ordered dicts, instances of the file's own classes) is done here, any other
/// is an Error(unsupported) that names it. `bytes_of(key)` gives the bytes of a storage. At most `kMostValues` values.
/// Source: CPython's Lib/pickletools.py (opcodes); torch/csrc/jit/serialization/pickler.h (what torch writes).
Value read_pickle(std::string_view bytes, Heap& heap, const std::function<Bytes(const std::string& key)>& bytes_of);

}  // namespace hone::torch
