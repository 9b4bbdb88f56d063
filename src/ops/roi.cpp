#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "ops/compute.h"
#include "ops/kernel.h"
#include "ops/pool.h"

namespace hone {
namespace {

/// x: [N,H,W,C] and one result per region: [R, height, width, C].
Shape roi_shape(std::string_view what, InferContext& ctx, int64_t columns, int64_t height, int64_t width) {
  const Shape &x = ctx.shape(0), &rois = ctx.shape(1);
  if (height < 1 || width < 1)
    throw invalid_model(cat(what, ": output size ", height, " x ", width, ", expected 1 or more"));
  if (x.has_rank() && x.rank() != 4) throw invalid_model(cat(what, ": x ", to_text(x), ", expected rank 4"));
  if (!compatible(rois, Shape{Dim(), Dim(columns)}))
    throw invalid_model(cat(what, ": regions ", to_text(rois), ", expected [R,", columns, "]"));
  return {rois.has_rank() ? rois[0] : Dim(), height, width, x.has_rank() ? x[3] : Dim()};
}

void infer_max_roi(InferContext& ctx) {
  const std::vector<int64_t>& size = ctx.attrs<MaxRoiPool>().pooled_shape;
  if (size.size() != 2) throw invalid_model(cat("maxroipool: pooled_shape ", size, ", expected two numbers"));
  ctx.output(0, ctx.dtype(0), roi_shape("maxroipool", ctx, 5, size[0], size[1]));
}

void infer_roi_align(InferContext& ctx) {
  const RoiAlign& op = ctx.attrs<RoiAlign>();
  const Shape& batch = ctx.shape(2);
  if (op.sampling_ratio < 0 || op.sampling_ratio > 4096)
    throw invalid_model(cat("roialign: sampling_ratio is ", op.sampling_ratio, ", expected 0 to 4096"));
  Shape out = roi_shape("roialign", ctx, 4, op.output_height, op.output_width);
  if (!compatible(batch, Shape{out[0]}))
    throw invalid_model(cat("roialign: batch indices ", to_text(batch), ", expected [", to_text(Shape{out[0]}), "]"));
  ctx.output(0, ctx.dtype(0), out);
}

/// First element of image `index` of x.
int64_t image_offset(std::string_view what, const Tensor& x, double index) {
  if (!(index >= 0 && index < static_cast<double>(x.dim(0))))
    throw invalid_model(cat(what, ": image ", index, " of ", x.dim(0)));
  return static_cast<int64_t>(index) * x.dim(1) * x.dim(2) * x.dim(3);
}

/// Coordinates beyond this are nonsense and would overflow.
template <class T>
T checked_coordinate(std::string_view what, T value) {
  if (!(std::abs(value) < T(1e9))) throw invalid_model(cat(what, ": region coordinate ", static_cast<double>(value)));
  return value;
}

/// Rows or columns of bin `i`: floor(i·size) … ceil((i+1)·size), shifted by start and cut to 0 … limit.
struct Bin {
  int64_t begin, end;
};
template <class T>
Bin bin_of(int64_t i, T size, int64_t start, int64_t limit) {
  const int64_t begin = static_cast<int64_t>(std::floor(static_cast<T>(i) * size)) + start;
  const int64_t end = static_cast<int64_t>(std::ceil(static_cast<T>(i + 1) * size)) + start;
  return {std::clamp<int64_t>(begin, 0, limit), std::clamp<int64_t>(end, 0, limit)};
}

/// Fast R-CNN's pooling: region corners are rounded to pixels and include their last one; an empty bin gives 0.
template <class T>
void max_roi(const MaxRoiPool& op, const Tensor& x, const Tensor& rois, Tensor& y) {
  const T* in = x.data<T>().data();
  const T* roi = rois.data<T>().data();
  T* out = y.mutable_data<T>().data();
  const int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3);
  for (int64_t r = 0; r < rois.dim(0); ++r, roi += 5) {
    const T* image = in + image_offset("maxroipool", x, static_cast<double>(roi[0]));
    int64_t corner[4];
    for (int i = 0; i < 4; ++i)
      corner[i] = static_cast<int64_t>(
          std::round(checked_coordinate("maxroipool", roi[i + 1] * static_cast<T>(op.spatial_scale))));
    const T bin_h = static_cast<T>(std::max<int64_t>(corner[3] - corner[1] + 1, 1)) / static_cast<T>(y.dim(1));
    const T bin_w = static_cast<T>(std::max<int64_t>(corner[2] - corner[0] + 1, 1)) / static_cast<T>(y.dim(2));
    for (int64_t ph = 0; ph < y.dim(1); ++ph)
      for (int64_t pw = 0; pw < y.dim(2); ++pw, out += channels) {
        const Bin rows = bin_of(ph, bin_h, corner[1], height), columns = bin_of(pw, bin_w, corner[0], width);
        const bool is_empty = rows.begin >= rows.end || columns.begin >= columns.end;
        std::fill(out, out + channels, is_empty ? T(0) : std::numeric_limits<T>::lowest());
        for (int64_t h = rows.begin; h < rows.end; ++h)
          for (int64_t w = columns.begin; w < columns.end; ++w)
            for (int64_t c = 0; c < channels; ++c) out[c] = std::max(out[c], image[(h * width + w) * channels + c]);
      }
  }
}

/// Four neighbours of a point and their weights; none when the point lies more than a pixel outside.
template <class T>
struct Sample {
  int64_t pixel[4] = {};
  T weight[4] = {};
  bool is_inside = false;
};

template <class T>
Sample<T> sample_at(T y, T x, int64_t height, int64_t width) {
  Sample<T> s;
  if (height == 0 || width == 0) return s;
  if (y < T(-1) || y > static_cast<T>(height) || x < T(-1) || x > static_cast<T>(width)) return s;
  s.is_inside = true;
  auto split = [](T v, int64_t size, int64_t& low, int64_t& high) {
    v = std::max(v, T(0));
    low = static_cast<int64_t>(v);
    high = low + 1;
    if (low >= size - 1) {
      low = high = size - 1;
      return T(0);
    }
    return v - static_cast<T>(low);
  };
  int64_t y0, y1, x0, x1;
  const T ly = split(y, height, y0, y1), lx = split(x, width, x0, x1);
  const T hy = 1 - ly, hx = 1 - lx;
  const int64_t pixels[4] = {y0 * width + x0, y0 * width + x1, y1 * width + x0, y1 * width + x1};
  const T weights[4] = {hy * hx, hy * lx, ly * hx, ly * lx};
  std::copy(pixels, pixels + 4, s.pixel);
  std::copy(weights, weights + 4, s.weight);
  return s;
}

/// Geometry of one region, in input pixels.
template <class T>
struct Region {
  T start_y, start_x, bin_h, bin_w;
  int64_t grid_h, grid_w;
};

template <class T>
int64_t grid_of(const RoiAlign& op, T bin) {
  const T grid = op.sampling_ratio > 0 ? static_cast<T>(op.sampling_ratio) : std::ceil(bin);
  if (grid > T(4096))
    throw resource_error(cat("roialign: region asks for ", static_cast<double>(grid), " samples a bin"));
  return std::max<int64_t>(static_cast<int64_t>(grid), 0);
}

template <class T>
Region<T> region_of(const RoiAlign& op, const T* roi) {
  const T scale = static_cast<T>(op.spatial_scale);
  const bool half = op.coordinates == RoiCoordinates::half_pixel;
  T corner[4];
  for (int i = 0; i < 4; ++i) corner[i] = checked_coordinate("roialign", roi[i] * scale) - (half ? T(0.5) : T(0));
  T width = corner[2] - corner[0], height = corner[3] - corner[1];
  if (!half) {
    width = std::max(width, T(1));
    height = std::max(height, T(1));
  }
  const T bin_h = height / static_cast<T>(op.output_height), bin_w = width / static_cast<T>(op.output_width);
  return {corner[1], corner[0], bin_h, bin_w, grid_of(op, bin_h), grid_of(op, bin_w)};
}

/// One bin: the mean of the samples, or the largest weighted neighbour of any sample (as ONNX defines mode max).
template <class T>
void align_bin(const RoiAlign& op, const Region<T>& g, int64_t ph, int64_t pw, const T* image, const Dims& x, T* out) {
  const int64_t channels = x[3];
  const bool is_max = op.mode == RoiMode::max;
  std::fill(out, out + channels, T(0));
  bool first = true;
  for (int64_t iy = 0; iy < g.grid_h; ++iy)
    for (int64_t ix = 0; ix < g.grid_w; ++ix) {
      const T y =
          g.start_y + static_cast<T>(ph) * g.bin_h + (static_cast<T>(iy) + T(0.5)) * g.bin_h / static_cast<T>(g.grid_h);
      const T xx =
          g.start_x + static_cast<T>(pw) * g.bin_w + (static_cast<T>(ix) + T(0.5)) * g.bin_w / static_cast<T>(g.grid_w);
      const Sample<T> s = sample_at(y, xx, x[1], x[2]);
      for (int64_t c = 0; c < channels; ++c) {
        T term[4];
        for (int k = 0; k < 4; ++k) term[k] = s.is_inside ? s.weight[k] * image[s.pixel[k] * channels + c] : T(0);
        if (!is_max) {
          out[c] += term[0] + term[1] + term[2] + term[3];
        } else {
          const T best = std::max(std::max(term[0], term[1]), std::max(term[2], term[3]));
          out[c] = first ? best : std::max(out[c], best);
        }
      }
      first = false;
    }
  if (is_max) return;
  const T count = static_cast<T>(std::max<int64_t>(g.grid_h * g.grid_w, 1));
  for (int64_t c = 0; c < channels; ++c) out[c] /= count;
}

void eval_max_roi(EvalContext& ctx) {
  Tensor& y = ctx.make_output(0);
  dispatch_real("maxroipool", y.dtype(),
                [&]<class T>(std::type_identity<T>) { max_roi<T>(ctx.op<MaxRoiPool>(), ctx.in(0), ctx.in(1), y); });
}

void eval_roi_align(EvalContext& ctx) {
  const RoiAlign& op = ctx.op<RoiAlign>();
  const Tensor &x = ctx.in(0), &rois = ctx.in(1);
  const std::vector<int64_t> images = to_ints(ctx.in(2));
  Tensor& y = ctx.make_output(0);
  dispatch_real("roialign", y.dtype(), [&]<class T>(std::type_identity<T>) {
    T* out = y.mutable_data<T>().data();
    for (int64_t r = 0; r < rois.dim(0); ++r) {
      const Region<T> region = region_of(op, rois.data<T>().data() + r * 4);
      const T* image =
          x.data<T>().data() + image_offset("roialign", x, static_cast<double>(images[static_cast<size_t>(r)]));
      for (int64_t ph = 0; ph < y.dim(1); ++ph)
        for (int64_t pw = 0; pw < y.dim(2); ++pw, out += y.dim(3)) align_bin(op, region, ph, pw, image, x.dims(), out);
    }
  });
}

constexpr InputRule kMaxRoiPoolInputs[] = {{.name = "x", .dtypes = Floats::kSet, .min_rank = 4, .max_rank = 4},
                                           {.name = "regions", .same_dtype_as = 0, .min_rank = 2, .max_rank = 2}};

constexpr InputRule kRoiAlignInputs[] = {
    {.name = "x", .dtypes = Floats::kSet, .min_rank = 4, .max_rank = 4},
    {.name = "regions", .same_dtype_as = 0, .min_rank = 2, .max_rank = 2},
    {.name = "batch indices", .dtypes = Integers::kSet, .min_rank = 1, .max_rank = 1}};

}  // namespace

constinit const OpDef MaxRoiPool::def{.name = MaxRoiPool::kName,
                                      .attrs = &attr_type<MaxRoiPool>(),
                                      .min_inputs = 2,
                                      .max_inputs = 2,
                                      .infer = infer_max_roi,
                                      .eval = widened<eval_max_roi>,
                                      .inputs = kMaxRoiPoolInputs};

constinit const OpDef RoiAlign::def{.name = RoiAlign::kName,
                                    .attrs = &attr_type<RoiAlign>(),
                                    .min_inputs = 3,
                                    .max_inputs = 3,
                                    .infer = infer_roi_align,
                                    .eval = widened<eval_roi_align>,
                                    .inputs = kRoiAlignInputs};

}  // namespace hone
