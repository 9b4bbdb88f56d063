#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <unordered_map>
#include <vector>

#include "ir/ids.h"

namespace hone {

/// That `node` reads a value as its input `input`.
struct Use {
  NodeId node;
  int32_t input = 0;
  friend bool operator==(Use, Use) = default;
};

/// The uses of a value in the order in which they came. Any of them leaves in constant time on average: its place stays
/// empty until half of all are. Iterating gives the nodes, one for each use.
class UseList {
 public:
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = NodeId;
    using difference_type = std::ptrdiff_t;
    using pointer = const NodeId*;
    using reference = const NodeId&;

    Iterator() = default;
    reference operator*() const { return at_->node; }
    pointer operator->() const { return &at_->node; }
    Iterator& operator++() {
      do ++at_;
      while (at_ != end_ && !at_->node.exists());
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    const Use& use() const { return *at_; }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }

   private:
    friend class UseList;
    Iterator(const Use* at, const Use* end) : at_(at), end_(end) {}
    const Use* at_ = nullptr;
    const Use* end_ = nullptr;
  };

  UseList() = default;
  UseList(const UseList& other) { *this = other; }
  UseList(UseList&&) noexcept = default;
  UseList& operator=(const UseList& other);
  UseList& operator=(UseList&&) noexcept = default;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  NodeId front() const { return places_[first_].node; }  ///< of a list that is not empty
  Iterator begin() const { return {places_.data() + first_, end_of_places()}; }
  Iterator end() const { return {end_of_places(), end_of_places()}; }

  void add(Use use);
  /// Throws Error(internal) when the list has no such use.
  void remove(Use use);
  /// Removes the uses by nodes of which `is_gone(node)`.
  template <class IsGone>
  void remove_if(const IsGone& is_gone) {
    keep_if([&](const Use& use) { return !is_gone(use.node); });
  }
  /// Node i is `node_at[i]` from now on.
  void renumber(const std::vector<int32_t>& node_at);

 private:
  const Use* end_of_places() const { return places_.data() + places_.size(); }
  template <class IsKept>
  void keep_if(const IsKept& is_kept) {
    std::erase_if(places_, [&](const Use& use) { return !use.node.exists() || !is_kept(use); });
    size_ = places_.size();
    first_ = 0;
    place_of_.reset();
  }
  size_t find(Use use);

  std::vector<Use> places_;  ///< without a node where a use left; neither place first_ nor the last one is empty
  size_t size_ = 0;
  size_t first_ = 0;
  /// Places by uses, of a long list that uses leave.
  std::unique_ptr<std::unordered_map<uint64_t, size_t>> place_of_;
};

}  // namespace hone
