#include "compress/sha256.h"

#include <openssl/evp.h>

#include "base/error.h"
#include "base/file.h"

namespace hone {

std::string sha256_of_file(const std::string& path) {
  const auto file = MappedFile::open(path);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  if (EVP_Digest(file->bytes().data(), file->bytes().size(), digest, &length, EVP_sha256(), nullptr) != 1)
    throw internal_error("SHA-256 is not available");
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < length; ++i) {
    text += kHex[digest[i] >> 4];
    text += kHex[digest[i] & 15];
  }
  return text;
}

}  // namespace hone
