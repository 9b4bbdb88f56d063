#include <csetjmp>
#include <cstdio>
#include <cstring>

// jpeglib.h needs size_t and FILE from the headers before it.
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "base/error.h"
#include "base/text.h"
#include "data/image.h"

namespace hone {

namespace {

/// libjpeg reports errors by a call that must not return; it jumps back to `place`.
struct ErrorManager {
  jpeg_error_mgr base;
  std::jmp_buf place;
  char message[JMSG_LENGTH_MAX];
};

void on_error(j_common_ptr info) {
  auto* manager = reinterpret_cast<ErrorManager*>(info->err);
  manager->base.format_message(info, manager->message);
  std::longjmp(manager->place, 1);
}

void on_warning(j_common_ptr info, int level) {
  // Damaged data is a warning to libjpeg, which would go on with grey pixels. What leaves the pixels whole passes.
  if (level >= 0) return;
  for (const int harmless : {JWRN_EXTRANEOUS_DATA, JWRN_JFIF_MAJOR, JWRN_ADOBE_XFORM, JWRN_TOO_MUCH_DATA})
    if (info->err->msg_code == harmless) return;
  on_error(info);
}

/// Progressive files may hold thousands of scans, each as costly as the whole image.
void limit_scans(j_common_ptr info) {
  if (!info->is_decompressor) return;
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= 100) return;
  auto* manager = reinterpret_cast<ErrorManager*>(info->err);
  std::strcpy(manager->message, "more than 100 scans");
  std::longjmp(manager->place, 1);
}

struct Decoder {
  jpeg_decompress_struct info{};
  ErrorManager errors{};
  jpeg_progress_mgr progress{};
  ~Decoder() { jpeg_destroy_decompress(&info); }
};

// Each step that may jump is a function of its own without objects that have destructors: jumping past those is
// undefined.

bool read_header(Decoder& d, std::span<const std::byte> bytes) {
  if (setjmp(d.errors.place)) return false;
  jpeg_create_decompress(&d.info);
  d.info.progress = &d.progress;
  jpeg_mem_src(&d.info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&d.info, TRUE);
  // Four-channel files cannot be converted to RGB by the library.
  const bool is_cmyk = d.info.jpeg_color_space == JCS_CMYK || d.info.jpeg_color_space == JCS_YCCK;
  d.info.out_color_space = is_cmyk ? JCS_CMYK : JCS_RGB;
  return true;
}

bool read_rows(Decoder& d, unsigned char* out, size_t stride) {
  if (setjmp(d.errors.place)) return false;
  jpeg_start_decompress(&d.info);
  while (d.info.output_scanline < d.info.output_height) {
    JSAMPROW row = out + d.info.output_scanline * stride;
    jpeg_read_scanlines(&d.info, &row, 1);
  }
  return true;
}

}  // namespace

Tensor detail::decode_jpeg(std::span<const std::byte> bytes) {
  Decoder d;
  d.info.err = jpeg_std_error(&d.errors.base);
  d.errors.base.error_exit = on_error;
  d.errors.base.emit_message = on_warning;
  d.progress.progress_monitor = limit_scans;
  const auto fail = [&] { return invalid_argument(cat("jpeg: ", lower(d.errors.message))); };
  if (!read_header(d, bytes)) throw fail();
  if (d.info.out_color_space == JCS_CMYK) throw unsupported("jpeg: four colour channels (CMYK), expected RGB or grey");
  Tensor image = make_image(d.info.image_height, d.info.image_width, 3);
  if (!read_rows(d, image.mutable_data<uint8_t>().data(), d.info.image_width * size_t(3))) throw fail();
  return image;
}

}  // namespace hone
