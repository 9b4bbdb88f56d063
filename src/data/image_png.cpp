#include <png.h>

#include <csetjmp>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "data/image.h"

namespace hone {

namespace {

/// What libpng's callbacks share: where to read or write and what went wrong.
struct State {
  std::span<const std::byte> bytes;
  size_t at = 0;
  std::string* out = nullptr;
  char message[128] = "";
};

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto* state = static_cast<State*>(png_get_error_ptr(png));
  std::strncpy(state->message, message, sizeof state->message - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep to, size_t count) {
  auto* state = static_cast<State*>(png_get_io_ptr(png));
  if (count > state->bytes.size() - state->at) png_error(png, "the file ends too early");
  std::memcpy(to, state->bytes.data() + state->at, count);
  state->at += count;
}

void write_bytes(png_structp png, png_bytep from, size_t count) {
  static_cast<State*>(png_get_io_ptr(png))->out->append(reinterpret_cast<const char*>(from), count);
}

void flush(png_structp) {}

struct Reader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
};

struct Writer {
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~Writer() { png_destroy_write_struct(&png, &info); }
};

// Functions that libpng may jump out of hold no objects with destructors.

/// Reads up to the pixels and asks for 8-bit RGB, or for the numbers as they are.
bool read_header(png_structp png, png_infop info, bool as_numbers) {
  if (setjmp(png_jmpbuf(png))) return false;
  png_set_user_limits(png, 16384, 16384);
  png_set_chunk_malloc_max(png, 16'000'000);
  png_read_info(png, info);
  if (as_numbers) {
    const int kind = png_get_color_type(png, info);
    if ((kind != PNG_COLOR_TYPE_GRAY && kind != PNG_COLOR_TYPE_PALETTE) || png_get_bit_depth(png, info) > 8)
      png_error(png, "pixels are colours, expected numbers of up to 8 bits: a palette, or grey");
    png_set_packing(png);
  } else {
    png_set_expand(png);
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    png_set_gray_to_rgb(png);
  }
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  return true;
}

bool read_rows(png_structp png, unsigned char** rows) {
  if (setjmp(png_jmpbuf(png))) return false;
  png_read_image(png, rows);
  png_read_end(png, nullptr);
  return true;
}

bool write_all(png_structp png, png_infop info, const Tensor& image) {
  if (setjmp(png_jmpbuf(png))) return false;
  const auto width = static_cast<png_uint_32>(image.dim(1)), height = static_cast<png_uint_32>(image.dim(0));
  png_set_IHDR(png, info, width, height, 8, image.dim(2) == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  const auto* row = static_cast<png_const_bytep>(image.raw());
  for (png_uint_32 y = 0; y < height; ++y, row += image.dim(1) * image.dim(2)) png_write_row(png, row);
  png_write_end(png, info);
  return true;
}

Tensor decode(std::span<const std::byte> bytes, bool as_numbers) {
  State state;
  state.bytes = bytes;
  Reader reader;
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state, on_error, on_warning);
  reader.info = reader.png ? png_create_info_struct(reader.png) : nullptr;
  if (!reader.info) throw resource_error("png: out of memory");
  png_set_read_fn(reader.png, &state, read_bytes);
  if (!read_header(reader.png, reader.info, as_numbers)) throw invalid_argument(cat("png: ", lower(state.message)));
  Tensor image = detail::make_image(png_get_image_height(reader.png, reader.info),
                                    png_get_image_width(reader.png, reader.info), as_numbers ? 1 : 3);
  const size_t stride = static_cast<size_t>(image.dim(1) * image.dim(2));
  if (png_get_rowbytes(reader.png, reader.info) != stride) throw internal_error("png: rows of an unexpected size");
  std::vector<unsigned char*> rows(static_cast<size_t>(image.dim(0)));
  for (size_t y = 0; y < rows.size(); ++y) rows[y] = image.mutable_data<uint8_t>().data() + y * stride;
  if (!read_rows(reader.png, rows.data())) throw invalid_argument(cat("png: ", lower(state.message)));
  return image;
}

}  // namespace

Tensor detail::decode_png(std::span<const std::byte> bytes) { return decode(bytes, false); }
Tensor detail::decode_png_numbers(std::span<const std::byte> bytes) { return decode(bytes, true); }

std::string detail::encode_png(const Tensor& image) {
  if (image.dtype() != DType::kU8 || image.rank() != 3 || (image.dim(2) != 1 && image.dim(2) != 3))
    throw invalid_argument(cat("png: found ", to_text(image.type()), ", expected u8[H,W,1] or u8[H,W,3]"));
  std::string out;
  State state;
  state.out = &out;
  Writer writer;
  writer.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &state, on_error, on_warning);
  writer.info = writer.png ? png_create_info_struct(writer.png) : nullptr;
  if (!writer.info) throw resource_error("png: out of memory");
  png_set_write_fn(writer.png, &state, write_bytes, flush);
  if (!write_all(writer.png, writer.info, image)) throw invalid_argument(cat("png: ", lower(state.message)));
  return out;
}

}  // namespace hone
