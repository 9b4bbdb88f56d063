#include "package/tar.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "base/text.h"

namespace hone {

namespace {

constexpr size_t kBlock = 512;

/// One header block: every field a text in a fixed place.
struct Header {
  std::array<char, kBlock> bytes{};

  void text(size_t at, size_t size, std::string_view value) {
    std::memcpy(&bytes[at], value.data(), std::min(size, value.size()));
  }
  /// Digits, and a zero byte behind them.
  void octal(size_t at, size_t size, int64_t value) {
    for (size_t i = size - 1; i-- > 0; value >>= 3) bytes[at + i] = static_cast<char>('0' + (value & 7));
  }
};

}  // namespace

void TarWriter::header(const std::string& path, uint32_t mode, int64_t size, char kind) {
  // A long path is cut at a slash: the front goes into the prefix.
  size_t cut = 0;
  if (path.size() > 100) {
    cut = path.rfind('/', 155);
    if (path.size() > 255 || cut == std::string::npos || cut == 0 || path.size() - cut - 1 > 100)
      throw invalid_argument(cat("the path '", path, "' is too long for an archive"));
  }
  if (size >= int64_t{8} << 30)
    throw invalid_argument(cat("'", path, "' has ", size, " bytes, an archive takes less than 8 GiB a file"));
  Header h;
  h.text(0, 100, std::string_view(path).substr(cut > 0 ? cut + 1 : 0));
  h.octal(100, 8, mode);
  h.octal(108, 8, 0);
  h.octal(116, 8, 0);
  h.octal(124, 12, size);
  h.octal(136, 12, time_);
  h.text(148, 8, "        ");
  h.bytes[156] = kind;
  h.text(257, 8, std::string_view("ustar\00000", 8));
  h.octal(329, 8, 0);
  h.octal(337, 8, 0);
  h.text(345, 155, std::string_view(path).substr(0, cut));
  int64_t sum = 0;
  for (const char c : h.bytes) sum += static_cast<unsigned char>(c);
  h.octal(148, 7, sum);
  out_.append(h.bytes.data(), h.bytes.size());
}

void TarWriter::add_folders(std::string_view path) {
  for (size_t at = path.find('/'); at != std::string_view::npos; at = path.find('/', at + 1)) {
    const std::string folder(path.substr(0, at + 1));
    const std::string mark = cat("\n", folder, "\n");
    if (folders_.find(mark) != std::string::npos) continue;
    folders_ += mark;
    header(folder, 0755, 0, '5');
  }
}

void TarWriter::add(const PackedFile& file) {
  add_folders(file.path);
  if (file.path.ends_with('/')) return;
  header(file.path, file.mode, static_cast<int64_t>(file.bytes.size()), '0');
  out_ += file.bytes;
  out_.append((kBlock - file.bytes.size() % kBlock) % kBlock, '\0');
}

std::string TarWriter::finish() {
  out_.append(2 * kBlock, '\0');
  return std::move(out_);
}

}  // namespace hone
