#include <algorithm>
#include <array>
#include <cmath>

#include "ops/kernel.h"
#include "ops/resize.h"

namespace hone {
namespace {

[[noreturn]] void refuse(const Shape& x, const Shape& grid) {
  throw op_error(GridSample::kName, cat("x ", x, " and grid ", grid, ", expected [N,s…,C] and [N,s'…,k], k = 2 or 3"));
}

void infer(InferContext& ctx) {
  const Shape &x = ctx.shape(0), &grid = ctx.shape(1);
  if (!x.has_rank() && !grid.has_rank()) return ctx.output(0, ctx.dtype(0), Shape::unranked());
  const int64_t rank = x.has_rank() ? x.rank() : grid.rank();
  if (rank < 4 || rank > 5 || !compatible(x, Shape::unknown_of_rank(rank))) refuse(x, grid);
  Shape expected = Shape::unknown_of_rank(rank);
  if (x.has_rank()) expected[0] = x[0];
  expected[rank - 1] = rank - 2;
  if (!compatible(grid, expected)) refuse(x, grid);
  if (rank == 5 && ctx.attrs<GridSample>().mode == GridMode::bicubic)
    throw op_error(GridSample::kName, "cubic interpolation of three axes, expected two");
  Shape out = grid.has_rank() ? grid : Shape::unknown_of_rank(rank);
  if (x.has_rank()) out[0] = x[0];
  out[rank - 1] = x.has_rank() ? x[rank - 1] : Dim();
  ctx.output(0, ctx.dtype(0), std::move(out));
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
  int64_t size = 1;
  bool align_corners = false;
  GridPadding padding = GridPadding::zeros;

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
  int64_t index[4] = {};
  double weight[4] = {};
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

/// out[c] = Σ weights · pixels over all combinations of three axes' taps.
template <class T>
void sample(const T* image, const std::array<Axis, 3>& axes, const std::array<Taps, 3>& taps, int64_t channels,
            T* out) {
  std::fill(out, out + channels, T(0));
  for (int d = 0; d < taps[0].count; ++d)
    for (int r = 0; r < taps[1].count; ++r)
      for (int c = 0; c < taps[2].count; ++c) {
        const int64_t i = taps[0].index[d], j = taps[1].index[r], k = taps[2].index[c];
        if (i < 0 || j < 0 || k < 0) continue;
        const T* pixel = image + ((i * axes[1].size + j) * axes[2].size + k) * channels;
        const T weight = static_cast<T>(taps[0].weight[d] * taps[1].weight[r] * taps[2].weight[c]);
        for (int64_t n = 0; n < channels; ++n) out[n] += weight * pixel[n];
      }
}

void eval(EvalContext& ctx) {
  const GridSample& op = ctx.op<GridSample>();
  const Tensor& x = ctx.in(0);
  const std::vector<double> grid = elements_as<double>(ctx.in(1));
  const int64_t spatial = x.rank() - 2, channels = x.dim(x.rank() - 1);
  std::array<Axis, 3> axes;
  for (int64_t i = 0; i < 3; ++i)
    axes[static_cast<size_t>(i)] = {i + spatial < 3 ? 1 : x.dim(i + spatial - 2), op.align_corners, op.padding};
  const int64_t image = axes[0].size * axes[1].size * axes[2].size * channels;
  Tensor& y = ctx.make_output(0);
  if (x.elements() == 0 && y.elements() > 0) throw op_error(GridSample::kName, "x has no pixels");
  dispatch_real("gridsample", y.dtype(), [&]<class T>(std::type_identity<T>) {
    T* out = y.mutable_data<T>().data();
    const int64_t points = channels == 0 || y.dim(0) == 0 ? 0 : y.elements() / channels / y.dim(0);
    for (int64_t i = 0; i < y.dim(0) * points; ++i, out += channels) {
      std::array<Taps, 3> taps;
      taps[0].add(0, 1);
      for (int64_t k = 0; k < spatial; ++k) {
        const auto axis = static_cast<size_t>(2 - k);
        taps[axis] = taps_of(op.mode, axes[axis], grid[static_cast<size_t>(spatial * i + k)]);
      }
      sample(x.data<T>().data() + i / points * image, axes, taps, channels, out);
    }
  });
}

constexpr InputRule kGridSampleInputs[] = {{.name = "x", .dtypes = Floats::kSet},
                                           {.name = "grid", .dtypes = Floats::kSet}};

}  // namespace

constinit const OpDef GridSample::def{.name = GridSample::kName,
                                      .attrs = &attr_type<GridSample>(),
                                      .min_inputs = 2,
                                      .max_inputs = 2,
                                      .infer = infer,
                                      .eval = widened<eval>,
                                      .inputs = kGridSampleInputs};

}  // namespace hone
