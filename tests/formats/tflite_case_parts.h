#pragma once

#include <functional>
#include <initializer_list>
#include <utility>

#include "formats/tflite_case.h"

/// Short words for writing cases.
namespace hone::tflite_parts {

using B = fb::BuiltinOperator;
using Input = TfliteCase::Input;
using Output = TfliteCase::Output;
using Cases = std::vector<TfliteCase>;

inline Input fed(Tensor t) { return {Input::kFed, std::move(t)}; }
inline Input constant(Tensor t) { return {Input::kConstant, std::move(t)}; }
inline Input absent() { return {Input::kAbsent, {}}; }
inline Input variable(Dims dims) { return {Input::kVariable, Tensor::zeros(DType::kF32, std::move(dims))}; }
inline Input floats(Dims dims, float low = -2, float high = 2) { return fed(some_floats(std::move(dims), low, high)); }
inline Input i8(Dims dims, float scale = 0.02f, int32_t zero = 3) {
  return fed(some_stored(DType::kI8, std::move(dims), scale, zero));
}
inline Input ints(std::initializer_list<int32_t> values) {
  return constant(Tensor::of<int32_t>({static_cast<int64_t>(values.size())}, values));
}
inline Input scalar(int32_t value) { return constant(Tensor::scalar(value)); }
inline Output real() { return {}; }
inline Output stored(DType dtype, float scale, int32_t zero) {
  return {dtype, {}, QuantParams::per_tensor(scale, zero)};
}
inline Output plain(DType dtype) { return {dtype, {}, nullptr}; }

template <class Options, class Set>
std::function<void(fb::OperatorT&)> with(Set set) {
  return [set](fb::OperatorT& op) {
    Options o;
    set(o);
    op.builtin_options.Set(std::move(o));
  };
}

}  // namespace hone::tflite_parts
