#pragma once

#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace hone {

/// An array of a .npz archive with its name, without ".npy".
using NamedTensor = std::pair<std::string, Tensor>;

/// NumPy's .npz: a zip archive of .npy files, in the archive's order. Only arrays that `wanted` names are unpacked
/// (null: all). Throws Error(invalid_argument) on a broken archive or array,
/// Error(resource) when memory does not suffice or there are more than 4096 members.
std::vector<NamedTensor> read_npz(const std::string& path,
                                  const std::function<bool(const std::string& name)>& wanted = {});

/// Deflated. Throws Error(io).
void write_npz(const std::string& path, std::span<const NamedTensor> arrays);

}  // namespace hone
