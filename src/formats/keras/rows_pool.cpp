#include "base/error.h"
#include "base/text.h"
#include "formats/keras/layer.h"
#include "ops/pool.h"
#include "ops/reduce.h"

namespace hone::keras {

namespace {

template <class Op>
void read_pool(Layer& l) {
  const auto axes = static_cast<size_t>(l.type[l.type.find_first_of("123")] - '0');
  Op op;
  op.kernel = l.ints("pool_size", axes, 2);
  const Json* strides = l.config.find("strides");
  op.strides = strides && !strides->is_null() ? l.ints("strides", axes, 1) : op.kernel;
  const std::string padding = lower(l.text("padding", "valid"));
  if (padding != "same" && padding != "valid") throw unsupported(cat("padding '", padding, "'"));
  op.auto_pad = padding == "same" ? AutoPad::same_upper : AutoPad::valid;
  const ValueId x = l.to_channels_last(l.x());
  l.emit(l.from_channels_last(l.add_many(op, {x}, 1)[0]));
}

template <class Op>
void read_global(Layer& l) {
  const int64_t rank = l.rank(l.x());
  std::vector<int64_t> axes;
  for (int64_t i = 1; i + 1 < rank; ++i) axes.push_back(l.is_channels_first() ? i + 1 : i);
  l.emit(l.add(Op{.keepdims = l.flag("keepdims", false)}, {l.x(), l.ints_constant(axes, "axes")}));
}

constexpr LayerRow kRows[] = {
    {"MaxPooling1D", read_pool<MaxPool>},
    {"MaxPooling2D", read_pool<MaxPool>},
    {"MaxPooling3D", read_pool<MaxPool>},
    {"AveragePooling1D", read_pool<AveragePool>},
    {"AveragePooling2D", read_pool<AveragePool>},
    {"AveragePooling3D", read_pool<AveragePool>},
    {"GlobalAveragePooling1D", read_global<ReduceMean>},
    {"GlobalAveragePooling2D", read_global<ReduceMean>},
    {"GlobalAveragePooling3D", read_global<ReduceMean>},
    {"GlobalMaxPooling1D", read_global<ReduceMax>},
    {"GlobalMaxPooling2D", read_global<ReduceMax>},
    {"GlobalMaxPooling3D", read_global<ReduceMax>},
};

}  // namespace

std::span<const LayerRow> pool_rows() { return kRows; }

}  // namespace hone::keras
