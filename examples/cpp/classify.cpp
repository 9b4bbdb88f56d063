// Says what is on a picture: classify MODEL PICTURE.png
// Made for examples/sample/model.onnx; another model needs its own preprocessing and class names.
#include <png.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "hone/hone.h"

namespace {

constexpr const char* kClasses[] = {"good", "pits", "scratch", "stain"};

/// RGB bytes [height, width, 3] of a PNG file whose size must be height × width.
std::vector<unsigned char> read_png(const char* path, int64_t height, int64_t width) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_file(&image, path)) throw std::runtime_error(std::string(path) + ": " + image.message);
  if (image.height != height || image.width != width) throw std::runtime_error(std::string(path) + ": wrong size");
  image.format = PNG_FORMAT_RGB;
  std::vector<unsigned char> pixels(PNG_IMAGE_SIZE(image));
  if (!png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr)) throw std::runtime_error(image.message);
  return pixels;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: classify MODEL PICTURE.png\n");
    return 2;
  }
  try {
    const hone::Model model = hone::Model::load(argv[1]);
    hone::Inference inference(model, {.threads = 1});

    const hone::Dims dims = model.inputs().at(0).type.shape.dims();  // [1, 3, height, width]
    const auto pixels = read_png(argv[2], dims.at(2), dims.at(3));
    hone::Tensor input = hone::Tensor::empty(hone::DType::kF32, dims);
    const size_t plane = pixels.size() / 3;
    for (size_t c = 0; c < 3; ++c)
      for (size_t i = 0; i < plane; ++i)
        input.mutable_data<float>()[c * plane + i] = (pixels[3 * i + c] / 255.0f - 0.5f) / 0.25f;

    const auto scores = inference.run({input}).at(0).data<float>();
    const size_t best = static_cast<size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
    std::printf("%s %.1f %%\n", best < 4 ? kClasses[best] : "?", 100 * scores[best]);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 1;
  }
}
