#include "container/deflate.h"

#include <zlib.h>

#include <algorithm>

#include "base/cancel.h"
#include "base/error.h"

namespace hone {

namespace {

struct Stream : z_stream {
  explicit Stream(int window) : z_stream{} {
    if (deflateInit2(this, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window, 9, Z_DEFAULT_STRATEGY) != Z_OK)
      throw resource_error("deflate: out of memory");
  }
  ~Stream() { deflateEnd(this); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
};

}  // namespace

std::string deflate(std::string_view bytes, Deflated frame, size_t piece) {
  Stream stream(zlib_window(frame));
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  size_t left = bytes.size();
  int status = Z_OK;
  while (status == Z_OK) {
    check_interrupted();
    stream.next_out = reinterpret_cast<Bytef*>(out.data()) + stream.total_out;
    stream.avail_out = static_cast<uInt>(std::min(out.size() - stream.total_out, piece));
    if (stream.avail_in == 0) {
      stream.avail_in = static_cast<uInt>(std::min(left, piece));
      left -= stream.avail_in;
    }
    status = ::deflate(&stream, left == 0 ? Z_FINISH : Z_NO_FLUSH);
  }
  if (status != Z_STREAM_END) throw internal_error("deflate: the stream did not end");
  out.resize(stream.total_out);
  return out;
}

}  // namespace hone
