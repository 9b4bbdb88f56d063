#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace hone {

/// One ONNX node in one of its forms, as a model of its own.
struct OnnxForm {
  std::string name;            ///< the line it was made from, comments and spaces aside
  std::string model;           ///< bytes of a file
  std::vector<Tensor> inputs;  ///< what to feed it
};

/// The forms of tests/oracle/onnx_forms.txt whose line contains `only`.
std::vector<OnnxForm> read_onnx_forms(std::string_view only = "");

/// A tensor as text without spaces, "f32[2]{1,0.25}", seven digits a number, and back.
std::string to_literal(const Tensor& tensor);
Tensor parse_literal(std::string_view text);

/// Reads one line: OPERATOR OPSET, then attributes and operands in any order, separated by spaces.
///   Pad 18 mode=reflect f32[2,3,4] i64{0,1,0,1} _ i64{1,2}
/// OPERATOR: a name, "ms:NAME" for ONNX Runtime's own domain, "ml:NAME" for ai.onnx.ml.
/// Attributes: `name=value`: 3, 0.5, a word, [1,2], [0.5,1.0], [Relu,Tanh], a tensor i8{1}, a type type(f16).
/// Operands: `_` absent; `f32[2,3]` an input of random numbers within ±1 (integers of 8 bits and less: all values;
/// larger ones: ±10), `f32[2,3]*5` within ±5, `u8[4]%3` integers from 0 to 2; `f32{1,2}` a constant of rank 1,
/// `f32[2,1]{1,2}` and `f32[]{1}` of other shapes. A `#` before random numbers makes them a constant, a `?` before a
/// literal an input.
/// `->3` three outputs, `->y_y` the first and the third.
/// Throws Error(invalid_argument) when the line says something else.
OnnxForm parse_onnx_form(std::string_view line);

}  // namespace hone
