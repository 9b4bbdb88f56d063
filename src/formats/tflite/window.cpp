#include "formats/tflite/window.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/text.h"

namespace hone::tflite {

AutoPad auto_pad_of(fb::Padding padding) {
  if (padding == fb::Padding::SAME) return AutoPad::same_upper;
  if (padding == fb::Padding::VALID) return AutoPad::valid;
  throw invalid_model(cat("padding is ", static_cast<int64_t>(padding), ", expected 0 (SAME) or 1 (VALID)"));
}

int64_t positive(int64_t value, const char* what) {
  if (value <= 0) throw invalid_model(cat(what, " is ", value, ", expected at least 1"));
  return value;
}

void complete(Window& window, size_t spatial) {
  if (window.strides.empty()) window.strides.assign(spatial, 1);
  if (window.dilations.empty()) window.dilations.assign(spatial, 1);
  if (window.pads.empty()) window.pads.assign(2 * spatial, 0);
}

namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct AxisPadding {
  int64_t before = 0, after = 0;
  bool is_same = false, is_valid = false;
};

/// How one axis is padded in total, and which of TFLite's two words would do the same.
AxisPadding axis_padding(const Window& w, size_t axis, size_t spatial) {
  const int64_t in = w.input[axis], stride = w.strides[axis];
  const int64_t extent = (w.kernel[axis] - 1) * w.dilations[axis] + 1;
  const int64_t same_out = ceil_div(in, stride);
  const int64_t same_total = std::max<int64_t>((same_out - 1) * stride + extent - in, 0);
  AxisPadding p;
  if (w.auto_pad == AutoPad::same_lower) {
    p.before = same_total - same_total / 2;
    p.after = same_total / 2;
  } else {
    p.before = w.pads[axis];
    p.after = w.pads[spatial + axis];
  }
  const int64_t room = in + p.before + p.after - extent;
  const int64_t out = (w.ceil_mode ? ceil_div(room, stride) : room / stride) + 1;
  // With ceil_mode the last window may hang over: that much padding more makes it fit exactly.
  p.after = std::max(p.after, (out - 1) * stride + extent - in - p.before);
  p.is_same = out == same_out && p.before == same_total / 2;
  p.is_valid = p.before == 0 && room - p.before >= 0 && in >= extent && out == (in - extent) / stride + 1;
  return p;
}

}  // namespace

FilePadding file_padding(const Window& w) {
  FilePadding result;
  if (w.auto_pad == AutoPad::same_upper) return {.padding = fb::Padding::SAME, .before = {}, .after = {}};
  const bool no_pads = std::all_of(w.pads.begin(), w.pads.end(), [](int64_t p) { return p == 0; });
  if (w.auto_pad == AutoPad::valid || (w.auto_pad == AutoPad::explicit_pads && no_pads && !w.ceil_mode)) return result;
  if (w.input.empty()) throw unsupported("padding of an input of unknown size", "fix it: --shape INPUT=1x3x224x224");
  bool all_same = true, all_valid = true;
  for (size_t i = 0; i < w.kernel.size(); ++i) {
    const AxisPadding p = axis_padding(w, i, w.kernel.size());
    all_same = all_same && p.is_same;
    all_valid = all_valid && p.is_valid;
    result.before.push_back(p.before);
    result.after.push_back(p.after);
  }
  if (!all_valid && !all_same) return result;
  return {.padding = all_valid ? fb::Padding::VALID : fb::Padding::SAME, .before = {}, .after = {}};
}

Dims spatial_dims(const WriteNode& n) {
  const Shape& shape = n.type(0).shape;
  const int64_t rank = n.rank(0);
  Dims dims;
  for (int64_t i = 1; i + 1 < rank; ++i) {
    if (!shape[i].is_known()) return {};
    dims.push_back(shape[i].value());
  }
  return dims;
}

TensorIndex padded(WriteNode& n, TensorIndex x, const FilePadding& padding, bool lowest) {
  if (!padding.is_padded()) return x;
  TensorType type = n.type_of(x);
  const auto rank = static_cast<size_t>(type.shape.rank());
  std::vector<int64_t> amounts(2 * rank, 0);
  for (size_t i = 0; i < padding.before.size(); ++i) {
    if (padding.before[i] < 0 || padding.after[i] < 0) throw unsupported("negative padding");
    amounts[2 * (i + 1)] = padding.before[i];
    amounts[2 * (i + 1) + 1] = padding.after[i];
    Dim& d = type.shape[static_cast<int64_t>(i) + 1];
    d = Dim(d.value() + padding.before[i] + padding.after[i]);
  }
  const TensorIndex to = n.temp(type, "padded");
  const TensorIndex table =
      n.add_constant(cast(Tensor::of<int64_t>({static_cast<int64_t>(rank), 2}, amounts), DType::kI32), "paddings");
  if (!lowest) {
    n.emit(fb::BuiltinOperator::PAD, Versions{.f32 = 1, .i8 = 2, .i16 = 3}.of(type), fb::PadOptionsT(), {x, table},
           {to});
    return to;
  }
  Tensor value = type.quant ? Tensor::zeros(type.dtype, {1}, type.quant) : Tensor();
  if (type.quant)
    value = cast(Tensor::of<int64_t>({1}, {min_of(type.dtype)}), type.dtype).with_quant(type.quant);
  else
    value = cast(Tensor::of<float>({1}, {std::numeric_limits<float>::lowest()}), type.dtype);
  n.emit(fb::BuiltinOperator::PADV2, Versions{}.of(type), fb::PadV2OptionsT(), {x, table, n.add_constant(value, "pad")},
         {to});
  return to;
}

}  // namespace hone::tflite
