#include "data/image.h"

#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/exif.h"
#include "data/preprocess.h"

namespace hone {

namespace {

bool starts_with(std::span<const std::byte> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

}  // namespace

Tensor detail::make_image(int64_t height, int64_t width, int64_t channels) {
  if (height <= 0 || width <= 0) throw invalid_argument(cat("image: size ", width, " x ", height));
  if (height > 16384 || width > 16384 || height * width > 64'000'000)
    throw resource_error(cat("image: size ", width, " x ", height, ", at most 64 million pixels and 16384 a side"));
  return Tensor::empty(DType::kU8, {height, width, channels});
}

bool is_image_name(std::string_view path) {
  const std::string name = lower(path);
  return name.ends_with(".png") || name.ends_with(".jpg") || name.ends_with(".jpeg") || name.ends_with(".bmp");
}

Tensor decode_image(std::span<const std::byte> bytes, int64_t channels) {
  if (channels != 1 && channels != 3) throw invalid_argument(cat("image: ", channels, " channels, expected 1 or 3"));
  Tensor rgb;
  if (starts_with(bytes, "\x89PNG\r\n\x1a\n"))
    rgb = detail::decode_png(bytes);
  else if (starts_with(bytes, "\xff\xd8\xff"))
    rgb = upright(detail::decode_jpeg(bytes), exif_orientation(bytes));
  else if (starts_with(bytes, "BM"))
    rgb = detail::decode_bmp(bytes);
  else
    throw unsupported("image: neither PNG, JPEG nor BMP");
  return with_channels(rgb, channels);
}

Tensor read_image(const std::string& path, int64_t channels) {
  const auto file = MappedFile::open(path);
  return with_context([&] { return cat("while reading '", path, "'"); },
                      [&] { return decode_image(file->bytes(), channels); });
}

void write_png(const std::string& path, const Tensor& image) { write_file(path, detail::encode_png(image)); }

}  // namespace hone
