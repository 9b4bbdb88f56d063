#include "formats/torch/value.h"

#include "base/checked.h"
#include "base/text.h"

namespace hone::torch {

void Heap::spend(int64_t bytes) {
  constexpr int64_t kMost = 128 << 20;
  spent_ += bytes;
  if (spent_ > kMost) throw resource_error(cat("the program makes more than ", kMost, " bytes of values"));
}

void Heap::work(int64_t elements) {
  constexpr int64_t kMost = 16'000'000;
  work_ += elements;
  if (work_ > kMost) throw resource_error(cat("the program takes more than ", kMost / kStepWork, " steps"));
}

OutsideChange::OutsideChange(std::string_view what)
    : Error(ErrorCode::kUnsupported, cat("changes ", what, " from outside in a branch or loop on data")) {}

std::string_view kind_of(const Value& value) {
  constexpr std::string_view kNames[] = {"None",     "a boolean", "an integer", "a number", "a text",
                                         "a tensor", "a list",    "a dict",     "an object"};
  return kNames[value.index()];
}

namespace {

[[noreturn]] void refuse(const Value& value, std::string_view expected) {
  if (is<Cell*>(value))
    throw unsupported(cat("found ", kind_of(value), " known only at run time, expected ", expected));
  throw unsupported(cat("found ", kind_of(value), ", expected ", expected));
}

}  // namespace

int64_t to_int(const Value& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) return *number;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* cell = std::get_if<Cell*>(&value); cell && (*cell)->array.exists() && (*cell)->array.elements() == 1)
    return saturated<int64_t>(to_doubles((*cell)->array)[0]);
  refuse(value, "an integer");
}

double to_real(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* cell = std::get_if<Cell*>(&value); cell && (*cell)->array.exists() && (*cell)->array.elements() == 1)
    return to_doubles((*cell)->array)[0];
  return static_cast<double>(to_int(value));
}

bool to_flag(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (is<double>(value)) return std::get<double>(value) != 0;
  return to_int(value) != 0;
}

const std::string& to_text_value(const Value& value) {
  if (const auto* text = std::get_if<Text>(&value)) return **text;
  refuse(value, "a text");
}

List& to_list(const Value& value) {
  if (const auto* list = std::get_if<List*>(&value)) return **list;
  refuse(value, "a list");
}

bool equal(Heap& heap, const Value& a, const Value& b) {
  if (is_number(a) && is_number(b)) return to_real(a) == to_real(b);
  if (a.index() != b.index()) return false;
  if (a == b) return true;
  if (is<Text>(a)) {
    const std::string &x = *std::get<Text>(a), &y = *std::get<Text>(b);
    if (x.size() == y.size()) heap.work(static_cast<int64_t>(x.size() / 64));
    return x == y;
  }
  if (!is<List*>(a)) return false;
  const List &x = *std::get<List*>(a), &y = *std::get<List*>(b);
  if (x.items.size() != y.items.size()) return false;
  heap.work(static_cast<int64_t>(x.items.size()));
  for (size_t i = 0; i < x.items.size(); ++i) {
    // Lists of lists are compared by identity: a program's texts, sizes and names are flat.
    if (is<List*>(x.items[i]) ? x.items[i] != y.items[i] : !equal(heap, x.items[i], y.items[i])) return false;
  }
  return true;
}

}  // namespace hone::torch
