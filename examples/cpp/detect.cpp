// Says where a detector sees something: detect MODEL PICTURE.bmp
// The model gives boxes [1, N, 4] (corners in 0 … 1) and scores [1, N, classes] with the background first, as UltraFace
// does.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "hone/hone.h"

namespace {

struct Bitmap {
  std::vector<uint8_t> rgb;
  int64_t height = 0, width = 0;
};

/// An uncompressed 24-bit BMP.
Bitmap read_bmp(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto number = [&](size_t at) {
    int32_t value = 0;
    if (at + 4 <= bytes.size()) std::memcpy(&value, &bytes[at], 4);
    return int64_t{value};
  };
  Bitmap out{{}, std::abs(number(22)), number(18)};
  const int64_t stride = (out.width * 3 + 3) / 4 * 4, start = number(10);
  const bool is_good = bytes.starts_with("BM") && (number(28) & 0xffff) == 24 && out.width > 0 && out.height > 0 &&
                       out.width < 16384 && out.height < 16384 && start > 0 &&
                       start + stride * out.height <= static_cast<int64_t>(bytes.size());
  if (!is_good) throw std::runtime_error(std::string(path) + ": no 24-bit BMP");
  for (int64_t y = 0; y < out.height; ++y) {
    const int64_t row = number(22) < 0 ? y : out.height - 1 - y;  // stored from the bottom, mostly
    for (int64_t x = 0; x < out.width; ++x)
      for (int64_t c = 2; c >= 0; --c)
        out.rgb.push_back(static_cast<uint8_t>(bytes[static_cast<size_t>(start + row * stride + 3 * x + c)]));
  }
  return out;
}

struct Box {
  float left, top, right, bottom, score;
};

float overlap(const Box& a, const Box& b) {
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const auto area = [](const Box& x) { return (x.right - x.left) * (x.bottom - x.top); };
  return width * height / (area(a) + area(b) - width * height);
}

/// The best of those that overlap, best first.
std::vector<Box> distinct(std::vector<Box> all) {
  std::sort(all.begin(), all.end(), [](const Box& a, const Box& b) { return a.score > b.score; });
  std::vector<Box> kept;
  for (const Box& box : all)
    if (std::none_of(kept.begin(), kept.end(), [&](const Box& k) { return overlap(k, box) > 0.4f; }))
      kept.push_back(box);
  return kept;
}

/// The output whose last axis has `size` numbers.
std::vector<float> output_of(const std::vector<hone::Tensor>& outputs, int64_t size) {
  for (const hone::Tensor& t : outputs) {
    if (t.rank() != 3 || t.dim(2) != size) continue;
    const hone::Tensor real = hone::dequantize(t);
    return {real.data<float>().begin(), real.data<float>().end()};
  }
  throw std::runtime_error("the model has no output [1, N, " + std::to_string(size) + "]");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(
        stderr,
        "usage: detect MODEL PICTURE.bmp. Without preprocessing in the model, pixels become (x - 127) / 128.\n");
    return 2;
  }
  try {
    hone::Model model = hone::Model::load(argv[1]);
    if (hone::preprocessing(model).empty())
      model = with_preprocessing(model, R"({"scale": 1, "mean": [127], "std": [128]})");
    const Bitmap picture = read_bmp(argv[2]);
    hone::Inference inference(model);
    const auto& outputs = inference.run({image_input(model, {picture.rgb.data(), picture.height, picture.width})});
    const std::vector<float> boxes = output_of(outputs, 4), scores = output_of(outputs, 2);
    std::vector<Box> found;
    for (size_t i = 0; 2 * i + 1 < scores.size() && 4 * i + 3 < boxes.size(); ++i)
      if (scores[2 * i + 1] > 0.7f)
        found.push_back({boxes[4 * i], boxes[4 * i + 1], boxes[4 * i + 2], boxes[4 * i + 3], scores[2 * i + 1]});
    for (const Box& b : distinct(found)) {
      const float width = static_cast<float>(picture.width), height = static_cast<float>(picture.height);
      std::printf("%.0f,%.0f to %.0f,%.0f  %.1f %%\n", b.left * width, b.top * height, b.right * width,
                  b.bottom * height, 100 * b.score);
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 1;
  }
}
