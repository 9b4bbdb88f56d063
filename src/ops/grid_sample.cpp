#include <algorithm>
#include <cmath>

#include "ops/kernel.h"
#include "ops/resize.h"

namespace hone {
namespace {

void infer(InferContext& ctx) {
  const Shape &x = ctx.shape(0), &grid = ctx.shape(1);
  require_dtype<Floats>(GridSample::kName, "x", ctx.dtype(0));
  require_dtype<Floats>(GridSample::kName, "grid", ctx.dtype(1));
  const Dim batch = x.has_rank() && x.rank() == 4 ? x[0] : Dim();
  if (!compatible(x, Shape::unknown_of_rank(4)) || !compatible(grid, Shape{batch, Dim(), Dim(), 2}))
    throw op_error(GridSample::kName, cat("x ", x, " and grid ", grid, ", expected [N,H,W,C] and [N,h,w,2]"));
  const bool has_grid = grid.has_rank();
  ctx.output(0, ctx.dtype(0),
             {batch, has_grid ? grid[1] : Dim(), has_grid ? grid[2] : Dim(), x.has_rank() ? x[3] : Dim()});
}

/// Mirrors a coordinate into low … high, as often as needed.
double reflect(double v, double low, double high) {
  const double span = high - low;
  if (span <= 0) return 0;
  const double distance = std::abs(v - low), extra = std::fmod(distance, span);
  return std::fmod(std::floor(distance / span), 2) == 0 ? low + extra : high - extra;
}

/// How one axis of an image is addressed.
struct Axis {
  int64_t size;
  bool align_corners;
  GridPadding padding;

  /// Pixel coordinate of a grid value in −1 … 1.
  double place(double v) const {
    const double n = static_cast<double>(size);
    const double pixel = align_corners ? (v + 1) / 2 * (n - 1) : ((v + 1) * n - 1) / 2;
    return std::abs(pixel) < 1e9 ? pixel : -100;  // infinite or not a number: outside
  }
  /// The coordinate after padding; zeros leave it outside.
  double pad(double pixel) const {
    if (padding == GridPadding::zeros) return pixel;
    const double last = static_cast<double>(size - 1);
    if (padding == GridPadding::reflection)
      pixel = align_corners ? reflect(pixel, 0, last) : reflect(pixel, -0.5, last + 0.5);
    return std::clamp(pixel, 0.0, last);
  }
  /// A whole coordinate as an index, −1 when outside.
  int64_t index(double pixel) const {
    return pixel >= 0 && pixel < static_cast<double>(size) ? static_cast<int64_t>(pixel) : -1;
  }
};

/// Up to four indices and weights along one axis.
struct Taps {
  int count = 0;
  int64_t index[4];
  double weight[4];
  void add(int64_t i, double w) {
    index[count] = i;
    weight[count++] = w;
  }
};

/// Keys' cubic kernel with a = −0.75 at distance x < 2.
double cubic(double x) {
  constexpr double a = -0.75;
  return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

Taps taps_of(GridMode mode, const Axis& axis, double v) {
  Taps taps;
  const double pixel = axis.place(v);
  if (mode == GridMode::bicubic) {
    const double base = std::floor(pixel);
    for (int k = -1; k <= 2; ++k) taps.add(axis.index(axis.pad(base + k)), cubic(std::abs(base + k - pixel)));
    return taps;
  }
  const double padded = axis.pad(pixel);
  if (mode == GridMode::nearest) {
    taps.add(axis.index(std::nearbyint(padded)), 1);
    return taps;
  }
  const double base = std::floor(padded);
  taps.add(axis.index(base), 1 - (padded - base));
  taps.add(axis.index(base + 1), padded - base);
  return taps;
}

template <class T>
void sample(const T* image, int64_t width, int64_t channels, const Taps& rows, const Taps& columns, T* out) {
  std::fill(out, out + channels, T(0));
  for (int r = 0; r < rows.count; ++r)
    for (int c = 0; c < columns.count; ++c) {
      if (rows.index[r] < 0 || columns.index[c] < 0) continue;
      const T* pixel = image + (rows.index[r] * width + columns.index[c]) * channels;
      const T weight = static_cast<T>(rows.weight[r] * columns.weight[c]);
      for (int64_t k = 0; k < channels; ++k) out[k] += weight * pixel[k];
    }
}

void eval(EvalContext& ctx) {
  const GridSample& op = ctx.op<GridSample>();
  const Tensor& x = ctx.in(0);
  const std::vector<double> grid = elements_as<double>(ctx.in(1));
  const Axis vertical{x.dim(1), op.align_corners, op.padding}, horizontal{x.dim(2), op.align_corners, op.padding};
  const int64_t channels = x.dim(3), image = x.dim(1) * x.dim(2) * channels;
  Tensor& y = ctx.make_output(0);
  if (x.elements() == 0 && y.elements() > 0) throw op_error(GridSample::kName, "x has no pixels");
  dispatch_real("gridsample", y.dtype(), [&]<class T>(std::type_identity<T>) {
    T* out = y.mutable_data<T>().data();
    const int64_t points = y.dim(1) * y.dim(2);
    for (int64_t i = 0; i < y.dim(0) * points; ++i, out += channels) {
      const size_t at = static_cast<size_t>(2 * i);
      sample(x.data<T>().data() + i / points * image, x.dim(2), channels, taps_of(op.mode, vertical, grid[at + 1]),
             taps_of(op.mode, horizontal, grid[at]), out);
    }
  });
}

}  // namespace

constinit const OpDef GridSample::def{.name = GridSample::kName,
                                      .attrs = &attr_type<GridSample>(),
                                      .min_inputs = 2,
                                      .max_inputs = 2,
                                      .infer = infer,
                                      .eval = widened<eval>};

}  // namespace hone
