#include "data/masks.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/image.h"

namespace hone {

namespace fs = std::filesystem;

uint8_t Mask::at(int64_t row, int64_t column, int64_t rows, int64_t columns) const {
  const int64_t y = (2 * row + 1) * height / (2 * rows), x = (2 * column + 1) * width / (2 * columns);
  return classes.at(static_cast<size_t>(y * width + x));
}

std::vector<std::string> find_masks(const Dataset& data) {
  if (data.kind() != "folder of files") return {};
  for (const char* folder : {"masks", "SegmentationClass", "annotations"}) {
    std::vector<std::string> files;
    for (size_t i = 0; i < data.size(); ++i) {
      const fs::path picture = fs::path(data.path()) / data.name(i);
      fs::path mask = picture.parent_path().parent_path() / folder / picture.filename();
      mask.replace_extension(".png");
      std::error_code ignored;
      files.push_back(fs::is_regular_file(mask, ignored) ? mask.string() : "");
    }
    if (std::any_of(files.begin(), files.end(), [](const std::string& f) { return !f.empty(); })) return files;
  }
  return {};
}

Mask read_mask(const std::string& path) {
  return with_context([&] { return cat("while reading '", path, "'"); },
                      [&] {
                        const std::string bytes = read_file(path);
                        const Tensor numbers = detail::decode_png_numbers(std::as_bytes(std::span(bytes)));
                        const auto classes = numbers.data<uint8_t>();
                        return Mask{numbers.dim(0), numbers.dim(1), {classes.begin(), classes.end()}};
                      });
}

}  // namespace hone
