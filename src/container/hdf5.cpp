#include "container/hdf5.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "container/cursor.h"
#include "container/hdf5_types.h"

namespace hone {

using namespace hdf5;

namespace {

constexpr std::string_view kSignature("\x89HDF\r\n\x1a\n", 8);
constexpr uint64_t kWordsPerByte = 64, kLeastBudget = 1 << 20;
constexpr unsigned kDeepestTree = 16;

/// Fixed texts are padded with zeros or blanks.
std::string padded_text(std::string_view text) {
  const size_t zero = text.find('\0');
  return std::string(zero == std::string_view::npos ? text : text.substr(0, zero));
}

uint64_t rounded(uint64_t size) { return (size + 7) / 8 * 8; }

}  // namespace

bool Hdf5File::looks_like(std::span<const std::byte> bytes) {
  return Bytes{bytes, nullptr}.text().starts_with(kSignature);
}

Hdf5File::Hdf5File(Bytes file) : file_(std::move(file)), budget_(file_.data.size() * kWordsPerByte + kLeastBudget) {
  if (!looks_like(file_.data))
    throw invalid_model("no HDF5 file: its mark is missing at byte 0", "the file is truncated or is no Keras model");
  Cursor at(file_.data, 0);
  at.skip(kSignature.size());
  const auto version = at.read<uint8_t>();
  if (version > 3) throw unsupported(cat("hdf5: superblock version ", version, ", expected 0 to 3"));
  if (version < 2) at.skip(4);
  const auto offset_size = at.read<uint8_t>(), length_size = at.read<uint8_t>();
  if (offset_size != 8 || length_size != 8)
    throw unsupported(cat("hdf5: places of ", offset_size, " bytes and sizes of ", length_size, ", expected 8"));
  // Versions 0 and 1 have sizes of tree nodes here; then come base, free space, end and driver, and the root's symbol
  // entry. Later ones have base, extension, end and the root itself.
  at.skip(version < 2 ? 1 + 4 + 4 + (version == 1 ? 4 : 0) + 32 + 8 : 1 + 24);
  root_ = at.read<uint64_t>();
}

std::span<const std::byte> Hdf5File::part(uint64_t at, uint64_t size) const {
  return Cursor(file_.data, at).take(size);
}

/// Cycles among objects end here.
void Hdf5File::spend(uint64_t units) const {
  if (units > budget_) throw resource_error("hdf5: the file asks for more work than its size explains");
  budget_ -= units;
}

std::vector<Hdf5File::Message> Hdf5File::messages(Address object) const {
  std::vector<Message> found;
  std::vector<std::span<const std::byte>> blocks;
  Cursor at(file_.data, object);
  if (at.left() >= 4 && Cursor(at).text(4) == "OHDR") {
    at.skip(4);
    const auto version = at.read<uint8_t>(), flags = at.read<uint8_t>();
    if (version != 2) throw unsupported(cat("hdf5: object header version ", version));
    if (flags & 32) at.skip(16);
    if (flags & 16) at.skip(4);
    blocks.push_back(at.take(at.read_sized(1u << (flags & 3))));
    for (size_t i = 0; i < blocks.size(); ++i) {
      std::span<const std::byte> block = blocks[i];
      if (i > 0) {  // "OCHK", messages, a checksum
        Cursor inner(block, 0);
        inner.expect("OCHK");
        if (inner.left() < 4) throw invalid_model("hdf5: an object header's continuation is too short");
        block = inner.take(inner.left() - 4);
      }
      add_messages_2(block, (flags & 4) != 0, found, blocks);
    }
    return found;
  }
  const auto version = at.read<uint8_t>();
  if (version != 1) throw invalid_model(cat("hdf5: no object header at byte ", object));
  at.skip(7);
  const auto size = at.read<uint32_t>();
  at.skip(4);
  blocks.push_back(at.take(size));
  for (size_t i = 0; i < blocks.size(); ++i) add_messages_1(std::span(blocks[i]), found, blocks);
  return found;
}

void Hdf5File::add_messages_1(std::span<const std::byte> block, std::vector<Message>& out,
                              std::vector<std::span<const std::byte>>& more) const {
  Cursor at(block, 0);
  while (at.left() >= 8) {
    const auto type = at.read<uint16_t>(), size = at.read<uint16_t>();
    const auto flags = at.read<uint8_t>();
    at.skip(3);
    const auto body = at.take(size);
    spend(8u + size);
    if (type == kContinuation) {
      Cursor place(body, 0);
      const auto where = place.read<uint64_t>();
      more.push_back(part(where, place.read<uint64_t>()));
    } else if (!(flags & 2)) {
      out.push_back({type, body});
    }
  }
}

void Hdf5File::add_messages_2(std::span<const std::byte> block, bool has_order, std::vector<Message>& out,
                              std::vector<std::span<const std::byte>>& more) const {
  Cursor at(block, 0);
  while (at.left() >= (has_order ? 6u : 4u)) {
    const auto type = at.read<uint8_t>();
    const auto size = at.read<uint16_t>();
    const auto flags = at.read<uint8_t>();
    if (has_order) at.skip(2);
    const auto body = at.take(size);
    spend(8u + size);
    if (type == kContinuation) {
      Cursor place(body, 0);
      const auto where = place.read<uint64_t>();
      more.push_back(part(where, place.read<uint64_t>()));
    } else if (!(flags & 2)) {
      out.push_back({type, body});
    }
  }
}

/// Walks a group's tree of version 1 down to its symbol nodes.
void Hdf5File::add_symbols(Address tree, Address heap, std::map<std::string, Address>& out) const {
  Cursor header(file_.data, heap);
  header.expect("HEAP");
  header.skip(4);
  const auto heap_size = header.read<uint64_t>();
  header.skip(8);
  const auto names = part(header.read<uint64_t>(), heap_size);
  struct Place {
    Address at;
    unsigned depth;
  };
  std::vector<Place> open{{tree, 0}};
  while (!open.empty()) {
    const Place place = open.back();
    open.pop_back();
    spend(64);
    Cursor at(file_.data, place.at);
    if (Cursor(at).text(4) == "TREE") {
      if (place.depth >= kDeepestTree) throw invalid_model("hdf5: a group's tree is too deep");
      at.skip(4 + 2);
      const auto used = at.read<uint16_t>();
      at.skip(16);
      for (int i = 0; i < used; ++i) {
        at.skip(8);
        open.push_back({at.read<uint64_t>(), place.depth + 1});
      }
      continue;
    }
    at.expect("SNOD");
    at.skip(2);
    const auto symbols = at.read<uint16_t>();
    for (int i = 0; i < symbols; ++i) {
      spend(64);
      const auto name = at.read<uint64_t>(), object = at.read<uint64_t>();
      const auto kind = at.read<uint32_t>();
      at.skip(20);
      constexpr uint32_t kSoftLink = 2;
      if (kind != kSoftLink) out.emplace(Cursor(names, name).text_to_zero(), object);
    }
  }
}

std::map<std::string, Hdf5File::Address> Hdf5File::children(Address group) const {
  std::map<std::string, Address> out;
  for (const Message& message : messages(group)) {
    Cursor at(message.body, 0);
    if (message.type == kSymbolTable) {
      const auto tree = at.read<uint64_t>();
      add_symbols(tree, at.read<uint64_t>(), out);
    } else if (message.type == kLink) {
      at.skip(1);
      const auto flags = at.read<uint8_t>();
      const uint8_t kind = flags & 8 ? at.read<uint8_t>() : uint8_t{0};
      if (flags & 4) at.skip(8);
      if (flags & 16) at.skip(1);
      const std::string name(at.text(at.read_sized(1u << (flags & 3))));
      if (kind == 0) out.emplace(name, at.read<uint64_t>());
    } else if (message.type == kLinkInfo) {
      at.skip(1);
      const auto flags = at.read<uint8_t>();
      if (flags & 1) at.skip(8);
      if (at.read<uint64_t>() != kNowhere)
        throw unsupported("hdf5: a group whose links lie in a fractal heap",
                          "save the file again without libver='latest'");
    }
  }
  return out;
}

std::optional<Hdf5File::Address> Hdf5File::find(Address group, std::string_view path) const {
  for (const std::string& name : split(path, '/')) {
    if (name.empty()) continue;
    const std::map<std::string, Address> members = children(group);
    const auto member = members.find(name);
    if (member == members.end()) return std::nullopt;
    group = member->second;
  }
  return group;
}

bool Hdf5File::is_array(Address object) const {
  const std::vector<Message> all = messages(object);
  return std::any_of(all.begin(), all.end(), [](const Message& m) { return m.type == kLayout; });
}

std::string Hdf5File::heap_text(Address collection, uint32_t index, uint64_t length) const {
  Cursor at(file_.data, collection);
  at.expect("GCOL");
  at.skip(4);
  const auto size = at.read<uint64_t>();
  Cursor objects(part(collection, size), 16);
  while (objects.left() >= 16) {
    spend(16);
    const auto number = objects.read<uint16_t>();
    objects.skip(6);
    const auto bytes = objects.read<uint64_t>();
    if (number == 0) break;
    const auto body = objects.take(bytes);
    if (number == index) {
      spend(length / 8);
      return padded_text(Cursor(body, 0).text(std::min<uint64_t>(length, body.size())));
    }
    objects.skip(std::min(rounded(bytes) - bytes, objects.left()));
  }
  throw invalid_model(cat("hdf5: a text is not in its heap (", index, ")"));
}

std::optional<std::vector<std::string>> Hdf5File::texts(Address object, std::string_view attribute) const {
  for (const Message& message : messages(object)) {
    if (message.type != kAttribute) continue;
    Cursor at(message.body, 0);
    const auto version = at.read<uint8_t>();
    if (version < 1 || version > 3) throw unsupported(cat("hdf5: attribute version ", version));
    at.skip(1);
    const auto name_size = at.read<uint16_t>(), type_size = at.read<uint16_t>(), space_size = at.read<uint16_t>();
    if (version == 3) at.skip(1);
    const auto taken = [&](uint64_t size) { return at.take(version == 1 ? rounded(size) : size); };
    if (padded_text(Bytes{taken(name_size), nullptr}.text()) != attribute) continue;
    const ElementType type = element_type(taken(type_size));
    const std::vector<int64_t> dims = dataspace(taken(space_size));
    int64_t count = 1;
    for (const int64_t d : dims) count *= d;
    std::vector<std::string> out;
    for (int64_t i = 0; i < count; ++i) {
      spend(16);
      if (type.kind == ElementType::Class::variable_text) {
        const auto length = at.read<uint32_t>();
        const auto heap = at.read<uint64_t>();
        out.push_back(heap_text(heap, at.read<uint32_t>(), length));
      } else if (type.kind == ElementType::Class::text) {
        out.push_back(padded_text(at.text(static_cast<uint64_t>(type.size))));
      } else {
        return std::nullopt;
      }
    }
    return out;
  }
  return std::nullopt;
}

}  // namespace hone
