#include "base/keyed_hash.h"

#include <sys/random.h>

#include <bit>
#include <cstddef>
#include <cstring>

#include "base/error.h"

namespace hone {
namespace {

struct State {
  uint64_t a, b, c, d;

  void round() {
    a += b, b = std::rotl(b, 13) ^ a, a = std::rotl(a, 32);
    c += d, d = std::rotl(d, 16) ^ c;
    a += d, d = std::rotl(d, 21) ^ a;
    c += b, b = std::rotl(b, 17) ^ c, c = std::rotl(c, 32);
  }
  void take(uint64_t word) {
    d ^= word;
    round(), round();
    a ^= word;
  }
};

/// Up to eight bytes, the first one lowest.
uint64_t word_of(const char* bytes, size_t count) {
  static_assert(std::endian::native == std::endian::little);
  uint64_t word = 0;
  std::memcpy(&word, bytes, count);
  return word;
}

HashKey draw_key() {
  HashKey key{};
  if (::getrandom(key.data(), sizeof key, 0) != static_cast<ssize_t>(sizeof key))
    throw io_error("the system gave no random numbers");
  return key;
}

}  // namespace

uint64_t keyed_hash(std::string_view bytes, const HashKey& key) {
  State s{key[0] ^ 0x736F6D6570736575, key[1] ^ 0x646F72616E646F6D, key[0] ^ 0x6C7967656E657261,
          key[1] ^ 0x7465646279746573};
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) s.take(word_of(bytes.data() + at, 8));
  s.take(word_of(bytes.data() + at, bytes.size() - at) | uint64_t{bytes.size()} << 56);
  s.c ^= 0xFF;
  for (int i = 0; i < 4; ++i) s.round();
  return s.a ^ s.b ^ s.c ^ s.d;
}

const HashKey& process_hash_key() {
  static const HashKey key = draw_key();
  return key;
}

}  // namespace hone
