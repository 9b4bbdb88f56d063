#include "container/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <string>

#include "base/cancel.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"

namespace hone {

namespace {

constexpr size_t kPiece = size_t{1} << 20;

struct Stream : z_stream {
  explicit Stream(int window) : z_stream{} {
    if (inflateInit2(this, window) != Z_OK) throw resource_error("deflate: out of memory");
  }
  ~Stream() { inflateEnd(this); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
};

}  // namespace

int zlib_window(Deflated frame) {
  switch (frame) {
    case Deflated::raw:
      return -15;
    case Deflated::zlib:
      return 15;
    case Deflated::gzip:
      return 15 + 16;
  }
  return 0;
}

Bytes inflate(std::span<const std::byte> packed, int64_t size, Deflated frame) {
  Stream stream(zlib_window(frame));
  const auto out = std::make_shared<std::string>();
  int status = Z_OK;
  const auto wanted = static_cast<size_t>(std::max<int64_t>(size, 0));
  // One byte more than promised is room to see that there is more.
  while (status == Z_OK && out->size() <= wanted) {
    check_interrupted();
    if (stream.avail_in == 0) {
      const size_t piece = std::min(packed.size(), kPiece);
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
      stream.avail_in = static_cast<uInt>(piece);
      packed = packed.subspan(piece);
    }
    const size_t before = out->size(), room = std::min(wanted + 1 - before, kPiece);
    require_memory(static_cast<int64_t>(room), [] { return std::string("what a deflated part unpacks to"); });
    out->resize(before + room);
    stream.next_out = reinterpret_cast<Bytef*>(out->data() + before);
    stream.avail_out = static_cast<uInt>(room);
    status = ::inflate(&stream, Z_NO_FLUSH);
    out->resize(out->size() - stream.avail_out);
  }
  if (status != Z_STREAM_END || out->size() != wanted)
    throw invalid_model(cat("deflated bytes are damaged: found ", out->size(), " bytes",
                            status == Z_OK ? " and more" : "", ", expected ", size));
  return {std::as_bytes(std::span(*out)), out};
}

}  // namespace hone
