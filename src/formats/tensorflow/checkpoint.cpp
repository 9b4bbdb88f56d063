#include "formats/tensorflow/checkpoint.h"

#include <array>
#include <cstdio>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "container/cursor.h"
#include "tensor/stored.h"

namespace hone::tensorflow {

namespace {

constexpr size_t kFooter = 48;
constexpr uint64_t kMagic = 0xdb4775248b80fb57;
constexpr std::string_view kIndex = "variables/variables.index", kObjectGraph = "_CHECKPOINTABLE_OBJECT_GRAPH";

uint64_t varint(Cursor& at) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = at.read<uint8_t>();
    value |= uint64_t{byte & 127u} << shift;
    if (byte < 128) return value;
  }
  throw invalid_model("a number of more than 64 bits");
}

/// Entries of one block of a table: keys share beginnings with the one before.
template <class Body>
void each_entry(std::span<const std::byte> table, uint64_t at, uint64_t size, Body body) {
  Cursor block(table, at);
  const auto content = block.take(size);
  const auto packing = block.read<uint8_t>();
  if (packing != 0) throw unsupported("a compressed table of variables");
  if (masked_crc(Cursor(table, at).take(size + 1)) != block.read<uint32_t>())
    throw invalid_model("a block's checksum is another: the file is damaged");
  if (size < 4) throw invalid_model("a block without its end");
  const auto restarts = Cursor(content, size - 4).read<uint32_t>();
  if (restarts > (size - 4) / 4) throw invalid_model(cat("a block of ", size, " bytes has ", restarts, " restarts"));
  Cursor entry(content.first(static_cast<size_t>(size - 4 - uint64_t{restarts} * 4)), 0);
  std::string key;
  while (entry.left() > 0) {
    const uint64_t shared = varint(entry), own = varint(entry), value = varint(entry);
    if (shared > key.size()) throw invalid_model("a key shares more than there is");
    key.resize(static_cast<size_t>(shared));
    key += entry.text(own);
    body(key, entry.text(value));
  }
}

std::span<const std::byte> bytes_of_text(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

uint32_t masked_crc(std::span<const std::byte> bytes) {
  static constexpr auto kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t crc = i;
      for (int k = 0; k < 8; ++k) crc = crc & 1 ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
      table[i] = crc;
    }
    return table;
  }();
  uint32_t crc = ~0u;
  for (const std::byte b : bytes) crc = kTable[(crc ^ static_cast<uint8_t>(b)) & 255] ^ crc >> 8;
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

Checkpoint::Checkpoint(const ModelSource& folder) : folder_(folder) {
  if (!folder.has(kIndex)) return;
  with_context([&] { return cat("in '", kIndex, "'"); },
               [&] {
                 const Bytes index = folder.open(std::string(kIndex));
                 if (index.data.size() < kFooter) throw invalid_model("a table of variables without its end");
                 Cursor footer(index.data, index.data.size() - kFooter);
                 varint(footer), varint(footer);
                 const uint64_t at = varint(footer), size = varint(footer);
                 if (Cursor(index.data, index.data.size() - 8).read<uint64_t>() != kMagic)
                   throw invalid_model("is no table of variables, or it is truncated");
                 each_entry(index.data, at, size, [&](const std::string&, std::string_view handle) {
                   Cursor place(bytes_of_text(handle), 0);
                   const uint64_t block = varint(place), length = varint(place);
                   each_entry(index.data, block, length, [&](const std::string& key, std::string_view value) {
                     if (key.empty())
                       shards_ = read_bundle_shards(value);
                     else
                       entries_.emplace(key, read_bundle_entry(value));
                   });
                 });
               });
  const auto graph = entries_.find(std::string(kObjectGraph));
  if (graph == entries_.end()) return;
  // One text: its length, a checksum of that, the text.
  const Bytes stored = bytes_of(graph->second);
  Cursor at(stored.data, 0);
  const uint64_t length = varint(at);
  at.skip(4);
  keys_ = read_object_keys(at.text(length));
}

Bytes Checkpoint::bytes_of(const BundleEntry& entry) const {
  char name[64];
  std::snprintf(name, sizeof name, "variables/variables.data-%05lld-of-%05lld", static_cast<long long>(entry.shard),
                static_cast<long long>(shards_));
  const Bytes shard = folder_.open(name);
  if (entry.offset < 0 || entry.size < 0) throw invalid_model("a variable at a negative place");
  return {Cursor(shard.data, static_cast<uint64_t>(entry.offset)).take(static_cast<uint64_t>(entry.size)), shard.owner};
}

Tensor Checkpoint::variable(const std::string& name) const {
  auto found = entries_.find(name);
  if (const auto key = keys_.find(name); key != keys_.end()) {
    if (key->second.empty()) throw unsupported(cat("two variables are called '", name, "'"));
    found = entries_.find(key->second);
  }
  if (found == entries_.end()) throw not_found(cat("variable '", name, "' is not in the checkpoint"));
  return with_context([&] { return cat("in variable '", name, "'"); },
                      [&] {
                        const BundleEntry& entry = found->second;
                        if (entry.is_sliced) throw unsupported("a variable in slices");
                        const Bytes bytes = bytes_of(entry);
                        if (masked_crc(bytes.data) != entry.crc)
                          throw invalid_model("its checksum is another: the file is damaged");
                        const DType dtype = dtype_of(entry.type);
                        if (!entry.shape.is_static()) throw invalid_model("has an open size");
                        return stored_tensor(dtype, entry.shape.dims(), bytes.data, bytes.owner);
                      });
}

}  // namespace hone::tensorflow
