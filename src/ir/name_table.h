#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/keyed_hash.h"

namespace hone {

/// Which names of a graph are taken, and by whom. The names themselves stay with their owners: a table is two words
/// for each, copied in one piece. Open addressing with linear probing (Knuth, The Art of Computer Programming 3, 6.4)
/// over a hash that names in a file cannot be chosen for. `name_of(owner)` gives an owner's name wherever it is asked
/// for.
class NameTable {
 public:
  struct Entry {
    int32_t owner = -1;  ///< none: a free place
    uint32_t hash = 0;
    int64_t last_suffix = 0;  ///< the largest number that was tried behind this name
  };

  /// The entry of `name` or null; good until the next insert or erase.
  template <class NameOf>
  Entry* find(std::string_view name, const NameOf& name_of) {
    if (entries_.empty()) return nullptr;
    const uint32_t hash = hash_of(name);
    for (size_t at = hash & mask(); entries_[at].owner >= 0; at = (at + 1) & mask())
      if (entries_[at].hash == hash && name_of(entries_[at].owner) == name) return &entries_[at];
    return nullptr;
  }

  /// `name` must not be in the table.
  void insert(std::string_view name, int32_t owner) {
    if (4 * (count_ + 1) > 3 * entries_.size()) grow();
    put({owner, hash_of(name)});
    ++count_;
  }

  /// Nothing happens where the name is another's by now.
  template <class NameOf>
  void erase(std::string_view name, int32_t owner, const NameOf& name_of) {
    const Entry* entry = find(name, name_of);
    if (!entry || entry->owner != owner) return;
    size_t hole = static_cast<size_t>(entry - entries_.data());
    // Whoever a probe would no longer reach over the hole moves into it.
    for (size_t at = (hole + 1) & mask(); entries_[at].owner >= 0; at = (at + 1) & mask()) {
      if (((at - entries_[at].hash) & mask()) < ((at - hole) & mask())) continue;
      entries_[hole] = entries_[at];
      hole = at;
    }
    entries_[hole] = Entry();
    --count_;
  }

  /// Owner i is called `owner_at[i]` from now on. Throws Error(internal) for an owner that goes without its name.
  void renumber(std::span<const int32_t> owner_at) {
    for (Entry& entry : entries_) {
      if (entry.owner < 0) continue;
      const auto before = static_cast<size_t>(entry.owner);
      if (before >= owner_at.size() || owner_at[before] < 0)
        throw internal_error("a name belongs to what the graph no longer has");
      entry.owner = owner_at[before];
    }
  }

 private:
  static uint32_t hash_of(std::string_view name) { return static_cast<uint32_t>(keyed_hash(name, process_hash_key())); }
  size_t mask() const { return entries_.size() - 1; }

  void put(Entry entry) {
    size_t at = entry.hash & mask();
    while (entries_[at].owner >= 0) at = (at + 1) & mask();
    entries_[at] = entry;
  }

  void grow() {
    std::vector<Entry> old(entries_.empty() ? 16 : 2 * entries_.size());
    old.swap(entries_);
    for (const Entry& entry : old)
      if (entry.owner >= 0) put(entry);
  }

  std::vector<Entry> entries_;  ///< a power of two of them, a quarter or more free
  size_t count_ = 0;
};

}  // namespace hone
