#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace hone {

using HashKey = std::array<uint64_t, 2>;

/// SipHash-2-4 of the bytes (Aumasson and Bernstein, SipHash: a fast short-input PRF, 2012): who does not know the key
/// cannot choose texts whose hashes are equal.
uint64_t keyed_hash(std::string_view bytes, const HashKey& key);

/// The key of this process, drawn at its first use. Nothing that leaves the process may depend on it.
const HashKey& process_hash_key();

}  // namespace hone
