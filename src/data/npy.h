#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "tensor/tensor.h"

namespace hone {

/// NumPy's .npy files, versions 1 to 3 (numpy.lib.format). Element types b1, i1…i8, u1…u8, f2, f4, f8 of either byte
/// order and C or Fortran order; other types are Error(unsupported).

/// A little-endian C-ordered array becomes a view of `bytes` that keeps `owner` alive; others are copied.
/// Throws Error(invalid_argument) on anything that is not a whole .npy file.
Tensor parse_npy(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

/// Bytes of the whole file whose beginning is `start`, as its header says; 0 when `start` ends within the header.
/// Throws as parse_npy.
int64_t npy_file_size(std::span<const std::byte> start);

/// Maps the file. Throws as parse_npy, with a frame naming the file.
Tensor read_npy(const std::string& path);

/// Version 1.0, C order, little endian. bf16 is written as f4, i4 and u4 as i1 and u1; quantization is dropped.
std::string npy_bytes(const Tensor& tensor);
/// Throws Error(io).
void write_npy(const std::string& path, const Tensor& tensor);

}  // namespace hone
