#include "data/preprocess.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "container/json.h"
#include "data/image.h"

namespace hone {

namespace {

constexpr int64_t kMaxSide = 16384;
/// Pixels that a resized picture may have in any case, how many times those that the model takes, and how many where
/// the model takes any size. A small file could ask for gigabytes that a crop then throws away.
constexpr int64_t kFreePixels = int64_t{1} << 21, kMaxExcess = 16, kMaxPixels = int64_t{1} << 24;

std::vector<int64_t> parse_sizes(const Json& json) {
  std::vector<int64_t> out;
  if (json.is_array())
    for (const Json& item : json.as_array()) out.push_back(item.as_int());
  else
    out.push_back(json.as_int());
  if (out.empty() || out.size() > 2) throw invalid_argument(cat("found ", out.size(), " sizes, expected 1 or 2"));
  for (int64_t size : out)
    if (size < 1 || size > kMaxSide) throw invalid_argument(cat("size ", size, " is not in 1 to ", kMaxSide));
  return out;
}

std::vector<float> parse_channels(const Json& json) {
  std::vector<float> out;
  if (json.is_array())
    for (const Json& item : json.as_array()) out.push_back(static_cast<float>(item.as_number()));
  else
    out.push_back(static_cast<float>(json.as_number()));
  if (out.size() != 1 && out.size() != 3)
    throw invalid_argument(cat("found ", out.size(), " numbers, expected one, or one for each of 3 channels"));
  return out;
}

std::string parse_choice(const Json& json, std::initializer_list<std::string_view> choices) {
  std::string all;
  for (std::string_view choice : choices) {
    if (json.as_string() == choice) return std::string(choice);
    all += cat(all.empty() ? "" : ", ", choice);
  }
  throw invalid_argument(cat("found '", json.as_string(), "', expected one of ", all));
}

void parse_field(const std::string& key, const Json& value, Preprocess& out) {
  if (key == "resize")
    out.resize = parse_sizes(value);
  else if (key == "crop")
    out.crop = parse_sizes(value);
  else if (key == "scale")
    out.scale = static_cast<float>(value.as_number());
  else if (key == "mean")
    out.mean = parse_channels(value);
  else if (key == "std")
    out.std = parse_channels(value);
  else if (key == "layout")
    out.layout = parse_choice(value, {"NHWC", "NCHW"});
  else if (key == "color")
    out.color = parse_choice(value, {"RGB", "BGR", "GRAY"});
  else if (key == "antialias")
    out.antialias = value.as_bool();
  else
    throw invalid_argument("no such field", "fields: resize, crop, scale, mean, std, layout, color, antialias");
}

/// Height, width and channels of an image input.
struct ImageShape {
  int64_t height = -1, width = -1, channels = 1;
  bool is_nchw = false;
};

ImageShape image_shape(const TensorType& type, std::string_view layout) {
  const auto fail = [&] {
    return invalid_argument(cat("the model's input ", to_text(type), " is not an image, expected ",
                                layout.empty()     ? "[N,H,W,C] or [N,C,H,W]"
                                : layout == "NCHW" ? "[N,C,H,W] (--layout)"
                                                   : "[N,H,W,C] (--layout)",
                                " with 1 or 3 channels"));
  };
  if (!type.shape.has_rank() || type.shape.rank() < 3 || type.shape.rank() > 4) throw fail();
  const int64_t first = type.shape.rank() - 3;
  const auto dim = [&](int64_t i) { return type.shape[first + i].is_known() ? type.shape[first + i].value() : -1; };
  const auto is_channels = [](int64_t d) { return d == 1 || d == 3; };
  ImageShape shape;
  if (!layout.empty())
    shape.is_nchw = layout == "NCHW";
  else if (is_channels(dim(2)))
    shape.is_nchw = false;
  else
    shape.is_nchw = is_channels(dim(0));
  shape.channels = dim(shape.is_nchw ? 0 : 2);
  shape.height = dim(shape.is_nchw ? 1 : 0);
  shape.width = dim(shape.is_nchw ? 2 : 1);
  if (!is_channels(shape.channels)) throw fail();
  return shape;
}

/// For each target pixel the source pixels it reads and their weights.
struct Taps {
  std::vector<int64_t> first;
  std::vector<std::vector<float>> weights;
};

Taps make_taps(int64_t from, int64_t to, bool antialias) {
  Taps taps;
  const double step = static_cast<double>(from) / static_cast<double>(to);
  const double reach = antialias ? std::max(step, 1.0) : 1.0;
  for (int64_t i = 0; i < to; ++i) {
    double centre = (static_cast<double>(i) + 0.5) * step;
    if (!antialias) centre = std::clamp(centre, 0.5, static_cast<double>(from) - 0.5);
    const int64_t low = std::max<int64_t>(0, static_cast<int64_t>(std::floor(centre - reach)));
    const int64_t high = std::min<int64_t>(from, static_cast<int64_t>(std::ceil(centre + reach)));
    std::vector<float> weights;
    double total = 0;
    for (int64_t j = low; j < high; ++j) {
      const double weight = std::max(0.0, 1 - std::abs((static_cast<double>(j) + 0.5 - centre) / reach));
      weights.push_back(static_cast<float>(weight));
      total += weight;
    }
    for (float& weight : weights) weight = static_cast<float>(weight / total);
    taps.first.push_back(low);
    taps.weights.push_back(std::move(weights));
  }
  return taps;
}

/// Row y of an image [H, W, C] of bytes or floats.
void read_row(const Tensor& image, int64_t y, std::vector<float>& row) {
  const auto count = static_cast<size_t>(image.dim(1) * image.dim(2)), start = static_cast<size_t>(y) * count;
  row.resize(count);
  if (image.dtype() == DType::kU8)
    std::copy_n(image.data<uint8_t>().data() + start, count, row.begin());
  else
    std::copy_n(image.data<float>().data() + start, count, row.begin());
}

Tensor crop_centre(const Tensor& image, int64_t height, int64_t width) {
  if (height > image.dim(0) || width > image.dim(1))
    throw invalid_argument(
        cat("crop ", height, " x ", width, " is larger than the image ", image.dim(0), " x ", image.dim(1)),
        "set resize to at least the size of the crop");
  const int64_t top = (image.dim(0) - height) / 2, left = (image.dim(1) - width) / 2, c = image.dim(2);
  Tensor out = Tensor::empty(DType::kF32, {height, width, c});
  const float* in = image.data<float>().data();
  float* to = out.mutable_data<float>().data();
  for (int64_t y = 0; y < height; ++y) {
    const float* row = in + ((top + y) * image.dim(1) + left) * c;
    to = std::copy(row, row + width * c, to);
  }
  return out;
}

void check_resize(int64_t height, int64_t width, const ImageShape& want) {
  const bool is_known = want.height > 0 && want.width > 0;
  const int64_t most = is_known ? std::max(kFreePixels, kMaxExcess * want.height * want.width) : kMaxPixels;
  if (height * width > most)
    throw invalid_argument(
        cat("resize to ", height, " x ", width, " pixels, out of proportion to what the model takes"));
}

/// The image at the size the model wants, f32.
Tensor sized(const Tensor& image, const Preprocess& p, const ImageShape& want) {
  const int64_t height = image.dim(0), width = image.dim(1);
  const bool antialias = p.antialias.value_or(true);
  Tensor out;
  if (p.resize.size() == 2) {
    check_resize(p.resize[0], p.resize[1], want);
    out = resize_bilinear(image, p.resize[0], p.resize[1], antialias);
  } else if (p.resize.size() == 1) {
    const double ratio = static_cast<double>(p.resize[0]) / static_cast<double>(std::min(height, width));
    const auto side = [&](int64_t s) {
      return std::clamp<int64_t>(static_cast<int64_t>(std::lround(static_cast<double>(s) * ratio)), 1, kMaxSide);
    };
    check_resize(side(height), side(width), want);
    out = resize_bilinear(image, side(height), side(width), antialias);
  } else if (p.crop.empty() && want.height > 0 && want.width > 0) {
    out = resize_bilinear(image, want.height, want.width, antialias);
  } else {
    out = resize_bilinear(image, height, width, antialias);
  }
  if (!p.crop.empty()) out = crop_centre(out, p.crop.front(), p.crop.back());
  if ((want.height > 0 && out.dim(0) != want.height) || (want.width > 0 && out.dim(1) != want.width))
    throw invalid_argument(cat("preprocessing gives ", out.dim(0), " x ", out.dim(1), " pixels, the model takes ",
                               want.height, " x ", want.width));
  return out;
}

bool is_eight_bit(DType dtype) { return dtype == DType::kU8 || dtype == DType::kI8; }

}  // namespace

std::string to_json(const Preprocess& p) {
  Json json = Json::object();
  if (!p.resize.empty()) json["resize"] = Json::list(p.resize);
  if (!p.crop.empty()) json["crop"] = Json::list(p.crop);
  const auto real = [](float v) { return parse_double(to_text(v)).value_or(v); };
  const auto reals = [&](const std::vector<float>& values) {
    Json list = Json::array();
    for (float v : values) list.push_back(real(v));
    return list;
  };
  if (p.scale) json["scale"] = real(*p.scale);
  if (!p.mean.empty()) json["mean"] = reals(p.mean);
  if (!p.std.empty()) json["std"] = reals(p.std);
  if (!p.layout.empty()) json["layout"] = p.layout;
  if (!p.color.empty()) json["color"] = p.color;
  if (p.antialias) json["antialias"] = *p.antialias;
  return json.dump();
}

Preprocess parse_preprocess(std::string_view text) {
  const Json json = Json::parse(text);
  Preprocess out;
  for (const auto& field : json.as_object())
    with_context([&] { return cat("in field '", field.first, "' of the preprocessing"); },
                 [&] { parse_field(field.first, field.second, out); });
  return out;
}

Preprocess merge(Preprocess base, const Preprocess& over) {
  if (!over.resize.empty()) base.resize = over.resize;
  if (!over.crop.empty()) base.crop = over.crop;
  if (over.scale) base.scale = over.scale;
  if (!over.mean.empty()) base.mean = over.mean;
  if (!over.std.empty()) base.std = over.std;
  if (!over.layout.empty()) base.layout = over.layout;
  if (!over.color.empty()) base.color = over.color;
  if (over.antialias) base.antialias = over.antialias;
  return base;
}

Preprocess default_preprocess(const TensorType& type) {
  const ImageShape shape = image_shape(type, "");
  Preprocess p;
  p.scale = 1.0f;
  p.mean = {0.0f};
  p.std = {1.0f};
  p.layout = shape.is_nchw ? "NCHW" : "NHWC";
  p.color = shape.channels == 1 ? "GRAY" : "RGB";
  p.antialias = true;
  const float offset = type.dtype == DType::kI8 ? 128.0f : 0.0f;
  if (!is_eight_bit(type.dtype)) return p;
  const float scale = type.quant ? type.quant->scale() : 1.0f;
  const float zero_point = type.quant ? static_cast<float>(type.quant->zero_point()) : 0.0f;
  p.scale = scale;
  p.mean = {scale * (zero_point + offset)};
  return p;
}

Preprocess resolve_preprocess(const TensorType& type, const std::map<std::string, std::string>& metadata,
                              const Preprocess& over) {
  Preprocess said = over;
  if (const auto found = metadata.find(std::string(kPreprocessKey)); found != metadata.end())
    said = merge(with_context([] { return std::string("in the model's metadata"); },
                              [&] { return parse_preprocess(found->second); }),
                 over);
  Preprocess p = default_preprocess(type);
  // Whoever states one of the numbers states them all: the default's mean belongs to the default's scale.
  if (said.scale || !said.mean.empty() || !said.std.empty()) {
    p.scale = 1.0f;
    p.mean = {0.0f};
    p.std = {1.0f};
  }
  return merge(p, said);
}

Tensor resize_bilinear(const Tensor& image, int64_t height, int64_t width, bool antialias) {
  const int64_t from_height = image.dim(0), from_width = image.dim(1), c = image.dim(2);
  if (height < 1 || width < 1 || height > kMaxSide || width > kMaxSide)
    throw invalid_argument(cat("resize to ", height, " x ", width, ", expected 1 to ", kMaxSide));
  if (height == from_height && width == from_width) return cast(image, DType::kF32);
  const Taps across = make_taps(from_width, width, antialias), down = make_taps(from_height, height, antialias);
  Tensor wide = Tensor::zeros(DType::kF32, {from_height, width, c});
  // One row at a time becomes float: a photo of 64 megapixels as a whole would take 768 MB.
  std::vector<float> row;
  float* out = wide.mutable_data<float>().data();
  for (int64_t y = 0; y < from_height; ++y) {
    read_row(image, y, row);
    for (int64_t x = 0; x < width; ++x, out += c) {
      const auto& weights = across.weights[static_cast<size_t>(x)];
      const float* from = row.data() + across.first[static_cast<size_t>(x)] * c;
      for (float weight : weights)
        for (int64_t k = 0; k < c; ++k) out[k] += weight * *from++;
    }
  }
  Tensor result = Tensor::zeros(DType::kF32, {height, width, c});
  out = result.mutable_data<float>().data();
  for (int64_t y = 0; y < height; ++y, out += width * c) {
    const float* from = wide.data<float>().data() + down.first[static_cast<size_t>(y)] * width * c;
    for (float weight : down.weights[static_cast<size_t>(y)])
      for (int64_t i = 0; i < width * c; ++i) out[i] += weight * *from++;
  }
  return result;
}

Tensor with_channels(const Tensor& image, int64_t channels) {
  const int64_t given = image.dim(2);
  if (given == channels) return image;
  Tensor result = Tensor::empty(DType::kU8, {image.dim(0), image.dim(1), channels});
  const auto in = image.data<uint8_t>();
  auto out = result.mutable_data<uint8_t>();
  if (given == 1) {
    for (size_t i = 0; i < in.size(); ++i) std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(3 * i), 3, in[i]);
    return result;
  }
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<uint8_t>((in[3 * i] * 19595 + in[3 * i + 1] * 38470 + in[3 * i + 2] * 7471 + 32768) >> 16);
  return result;
}

int64_t image_channels(const Preprocess& preprocess) { return preprocess.color == "GRAY" ? 1 : 3; }

Tensor preprocess_image(const Tensor& image, const Preprocess& p, const TensorType& type) {
  const ImageShape want = image_shape(type, p.layout);
  if (image.dim(2) != want.channels)
    throw invalid_argument(
        cat("the image has ", image.dim(2), " channels as ", p.color, ", the model takes ", want.channels));
  const Tensor pixels = sized(image, p, want);
  const int64_t c = want.channels, area = pixels.dim(0) * pixels.dim(1);
  const auto at = [&](const std::vector<float>& values, int64_t k, float otherwise) {
    return values.empty() ? otherwise : values[values.size() == 1 ? 0 : static_cast<size_t>(k)];
  };
  Tensor real = Tensor::empty(
      DType::kF32, want.is_nchw ? Dims{1, c, pixels.dim(0), pixels.dim(1)} : Dims{1, pixels.dim(0), pixels.dim(1), c});
  const float* in = pixels.data<float>().data();
  float* out = real.mutable_data<float>().data();
  const float scale = p.scale.value_or(1.0f);
  for (int64_t k = 0; k < c; ++k) {
    const int64_t source = p.color == "BGR" ? c - 1 - k : k;
    const float mean = at(p.mean, k, 0), std = at(p.std, k, 1);
    if (std == 0) throw invalid_argument("preprocessing: std is 0");
    for (int64_t i = 0; i < area; ++i)
      out[want.is_nchw ? k * area + i : i * c + k] = (in[i * c + source] * scale - mean) / std;
  }
  return convert_input(real, type);
}

Tensor convert_input(const Tensor& value, const TensorType& type, const QuantPtr& stored) {
  Tensor x = value;
  const int64_t rank = type.shape.has_rank() ? type.shape.rank() : x.rank();
  const bool is_one = type.shape.has_rank() && rank > 0 && (!type.shape[0].is_known() || type.shape[0].value() == 1);
  if (x.rank() + 1 == rank && is_one) {
    Dims dims = x.dims();
    dims.insert(dims.begin(), 1);
    x = x.reshaped(dims);
  }
  if (!compatible(Shape(x.dims()), type.shape) && type.shape.is_static() && x.elements() == type.shape.elements())
    x = x.reshaped(type.shape.dims());
  if (!compatible(Shape(x.dims()), type.shape))
    throw invalid_argument(cat("found data of ", to_text(value.type()), ", the model's input takes ", to_text(type)));
  if (!x.quant() && stored && is_integer(x.dtype())) x = x.with_quant(stored);
  if (type.quant) {
    if (!x.quant() && x.dtype() == type.dtype) return x.with_quant(type.quant);
    if (x.quant() && x.dtype() == type.dtype && same_quant(x.quant(), type.quant)) return x;
    return quantize(dequantize(x), type.dtype, type.quant);
  }
  if (x.quant()) x = dequantize(x);
  return cast(x, type.dtype);
}

}  // namespace hone
