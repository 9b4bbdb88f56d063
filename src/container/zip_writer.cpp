#include "container/zip_writer.h"

#include <zlib.h>

#include <concepts>

#include "base/error.h"
#include "base/text.h"
#include "container/deflate.h"

namespace hone {

namespace {

constexpr uint16_t kVersion = 45, kUtf8 = 0x800, kDeflated = 8, kExtra64 = 1;
constexpr uint32_t kIn64 = 0xFFFFFFFF, kFirstOf1980 = 0x21 << 16;

template <std::unsigned_integral... T>
void put(std::string& out, T... values) {
  const auto one = [&](auto value) {
    for (size_t i = 0; i < sizeof value; ++i) out += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xFF);
  };
  (one(values), ...);
}

}  // namespace

void ZipWriter::add(std::string_view name, std::string_view bytes) {
  if (name.size() > 0xFFFF) throw invalid_argument(cat("zip: a name of ", name.size(), " bytes, at most 65535"));
  const std::string packed = deflate(bytes, Deflated::raw);
  const auto crc = static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  const uint64_t place = out_.size(), size = bytes.size(), packed_size = packed.size();
  const auto name_size = static_cast<uint16_t>(name.size());
  const auto facts = [&](std::string& to) {
    put(to, kVersion, kUtf8, kDeflated, kFirstOf1980, crc, kIn64, kIn64, name_size);
  };
  out_ += "PK\x03\x04";
  facts(out_);
  put(out_, uint16_t{20});
  out_ += name;
  put(out_, kExtra64, uint16_t{16}, size, packed_size);
  out_ += packed;
  directory_ += "PK\x01\x02";
  put(directory_, kVersion);
  facts(directory_);
  put(directory_, uint16_t{28}, uint16_t{0}, uint16_t{0}, uint16_t{0}, uint32_t{0}, kIn64);
  directory_ += name;
  put(directory_, kExtra64, uint16_t{24}, size, packed_size, place);
  ++count_;
}

std::string ZipWriter::finish() {
  const uint64_t start = out_.size(), end = start + directory_.size();
  out_ += directory_;
  out_ += "PK\x06\x06";
  put(out_, uint64_t{44}, kVersion, kVersion, uint32_t{0}, uint32_t{0}, count_, count_, end - start, start);
  out_ += "PK\x06\x07";
  put(out_, uint32_t{0}, end, uint32_t{1});
  out_ += "PK\x05\x06";
  put(out_, uint16_t{0}, uint16_t{0}, uint16_t{0xFFFF}, uint16_t{0xFFFF}, kIn64, kIn64, uint16_t{0});
  return std::move(out_);
}

}  // namespace hone
