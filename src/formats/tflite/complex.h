#pragma once

#include "formats/tflite/write_node.h"

namespace hone::tflite {

/// hone has no complex element type: a complex64 tensor of the file is f32 with one more axis of two, real and
/// imaginary part. What RFFT2D makes stays complex in a written file as long as operators can take it so; these write a
/// node whose input 0 is such a value. Each returns false, having done nothing, when it is not, or the node does
/// something else.

/// √(re² + im²) as COMPLEX_ABS.
bool write_complex_abs(WriteNode& n, bool keepdims);
/// One of the two parts, by a scalar index along `axis`, as REAL or IMAG.
bool write_complex_part(WriteNode& n, int64_t axis);
/// The same parts in other dims.
bool write_complex_reshape(WriteNode& n);

}  // namespace hone::tflite
