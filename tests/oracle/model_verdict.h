#pragma once

#include <span>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace hone {

/// What became of a model on one path.
struct Verdict {
  enum Kind : char {
    kEqual,    ///< the numbers of its own runtime
    kClose,    ///< the same within the rounding of another arithmetic; the detail says how far
    kWrong,    ///< other numbers, or outputs of another number, type or shape
    kError,    ///< hone says why it does not go this way
    kRefused,  ///< hone wrote the file, the runtime does not take it
    kCrash,    ///< a process ended by a signal
    kTimeout,
    kNone,  ///< the path has no judge: the file's own runtime does not run it
  } kind = kNone;
  std::string detail;
};

/// "equal", "close: 41.2 dB", "WRONG: output 0: 3.1 dB", "error: …", "REFUSED: …", "CRASH: …", "timeout", "-".
std::string to_text(const Verdict& verdict);
/// The first `bytes` of a text, and an ellipsis where some are left out; no character is cut.
std::string shortened(std::string text, size_t bytes);
/// Whether a user who trusted exit 0 was deceived, or hone broke.
bool is_fault(const Verdict& verdict);

/// Compares the outputs of one inference. Equal: floats within 1e-3 of the largest expected magnitude, integers of up
/// to 16 bits within one step, others exactly. Floats that a model makes of integers are within one of their `steps`
/// (by output; 0 or none: other floats), and what is expected as f16 may be found as f32. Close: a signal-to-noise
/// ratio of 20 dB and more over each output, a thirtieth of the range for integers of 8 and 16 bits, 98 of 100 values
/// for those that stand for indices and flags. NaN equals NaN.
Verdict judge(std::span<const Tensor> found, std::span<const Tensor> expected, std::span<const double> steps = {});
/// The lowest signal-to-noise ratio of any output in decibel, of integers as they are stored; minus infinity where
/// number, types or shapes differ.
double decibel(std::span<const Tensor> found, std::span<const Tensor> expected);
/// The worse of two.
Verdict worse(const Verdict& a, const Verdict& b);

}  // namespace hone
