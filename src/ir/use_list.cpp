#include "ir/use_list.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace hone {
namespace {

constexpr size_t kFew = 32;  ///< that many are searched faster than looked up

uint64_t key_of(Use use) {
  return uint64_t{static_cast<uint32_t>(use.node.index)} << 32 | static_cast<uint32_t>(use.input);
}

}  // namespace

UseList& UseList::operator=(const UseList& other) {
  if (this == &other) return *this;
  places_.assign(other.places_.begin() + static_cast<std::ptrdiff_t>(other.first_), other.places_.end());
  size_ = other.size_;
  first_ = 0;
  place_of_.reset();
  return *this;
}

void UseList::add(Use use) {
  if (place_of_) place_of_->emplace(key_of(use), places_.size());
  places_.push_back(use);
  ++size_;
}

size_t UseList::find(Use use) {
  if (places_.size() <= kFew)
    return static_cast<size_t>(std::find(places_.begin(), places_.end(), use) - places_.begin());
  if (!place_of_) {
    place_of_ = std::make_unique<std::unordered_map<uint64_t, size_t>>();
    place_of_->reserve(size_);
    for (size_t i = first_; i < places_.size(); ++i)
      if (places_[i].node.exists()) place_of_->emplace(key_of(places_[i]), i);
  }
  const auto at = place_of_->find(key_of(use));
  return at == place_of_->end() ? places_.size() : at->second;
}

void UseList::remove(Use use) {
  const size_t at = find(use);
  if (at == places_.size())
    throw internal_error(cat("node ", use.node.index, " is not listed as a user by its input ", use.input));
  if (place_of_) place_of_->erase(key_of(use));
  places_[at] = Use{};
  --size_;
  while (!places_.empty() && !places_.back().node.exists()) places_.pop_back();
  while (first_ < places_.size() && !places_[first_].node.exists()) ++first_;
  if (places_.size() >= 2 * size_) keep_if([](const Use&) { return true; });
}

void UseList::renumber(const std::vector<int32_t>& node_at) {
  for (Use& use : places_)
    if (use.node.exists()) use.node.index = node_at[static_cast<size_t>(use.node.index)];
  place_of_.reset();
}

}  // namespace hone
