#include "formats/torch/scalars.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"

namespace hone::torch {

namespace {

using Args = std::vector<Value>;

constexpr int64_t kMostItems = 1 << 20;

const Value& at(const Args& a, size_t i) {
  if (i >= a.size()) throw invalid_model(cat("argument ", i, " is absent"));
  return a[i];
}

bool both_integers(const Args& a) { return !is<double>(at(a, 0)) && !is<double>(at(a, 1)); }

/// Integers wrap as torch's do.
int64_t wrap(uint64_t value) { return static_cast<int64_t>(value); }
uint64_t bits(const Value& value) { return static_cast<uint64_t>(to_int(value)); }

Value add(Heap& heap, const Args& a) {
  if (is<Text>(at(a, 0))) return heap.text(to_text_value(a[0]) + to_text_value(at(a, 1)));
  if (is<List*>(a[0])) {
    std::vector<Value> items = to_list(a[0]).items;
    const std::vector<Value>& more = to_list(at(a, 1)).items;
    if (static_cast<int64_t>(items.size() + more.size()) > kMostItems) throw resource_error("a list grows too long");
    items.insert(items.end(), more.begin(), more.end());
    return heap.list(std::move(items), to_list(a[0]).is_tuple);
  }
  if (both_integers(a)) return wrap(bits(a[0]) + bits(a[1]));
  return to_real(a[0]) + to_real(a[1]);
}
Value subtract(Heap&, const Args& a) {
  if (both_integers(a)) return wrap(bits(a[0]) - bits(a[1]));
  return to_real(a[0]) - to_real(a[1]);
}
Value multiply(Heap& heap, const Args& a) {
  if (is<List*>(at(a, 0))) {
    const std::vector<Value> items = to_list(a[0]).items;
    const int64_t times = std::max<int64_t>(to_int(at(a, 1)), 0);
    if (checked_mul(times, static_cast<int64_t>(items.size())) > kMostItems) throw resource_error("a list too long");
    std::vector<Value> out;
    for (int64_t i = 0; i < times; ++i) out.insert(out.end(), items.begin(), items.end());
    return heap.list(std::move(out));
  }
  if (both_integers(a)) return wrap(bits(a[0]) * bits(a[1]));
  return to_real(a[0]) * to_real(a[1]);
}
Value divide(Heap&, const Args& a) { return to_real(at(a, 0)) / to_real(at(a, 1)); }

int64_t divisor(const Value& value) {
  const int64_t d = to_int(value);
  if (d == 0) throw invalid_model("divides by zero");
  return d;
}
Value floor_divide(Heap&, const Args& a) {
  if (!both_integers(a)) return std::floor(to_real(a[0]) / to_real(a[1]));
  const int64_t n = to_int(a[0]), d = divisor(a[1]);
  if (d == -1) return wrap(0 - static_cast<uint64_t>(n));
  return n / d - (n % d != 0 && (n < 0) != (d < 0));
}
Value remainder(Heap&, const Args& a) {
  if (!both_integers(a)) {
    const double d = to_real(a[1]), r = std::fmod(to_real(a[0]), d);
    return r != 0 && (r < 0) != (d < 0) ? r + d : r;
  }
  const int64_t d = divisor(a[1]);
  const int64_t r = d == -1 ? 0 : to_int(a[0]) % d;
  return r != 0 && (r < 0) != (d < 0) ? r + d : r;
}
Value power(Heap&, const Args& a) {
  const double value = std::pow(to_real(at(a, 0)), to_real(at(a, 1)));
  if (both_integers(a) && std::fabs(value) < 9e15) return static_cast<int64_t>(value);
  return value;
}
Value negate(Heap&, const Args& a) {
  if (is<double>(at(a, 0))) return -to_real(a[0]);
  return wrap(0 - bits(a[0]));
}
Value absolute(Heap&, const Args& a) {
  if (is<double>(at(a, 0))) return std::fabs(to_real(a[0]));
  return wrap(to_int(a[0]) < 0 ? 0 - bits(a[0]) : bits(a[0]));
}
Value square_root(Heap&, const Args& a) { return std::sqrt(to_real(at(a, 0))); }
Value exponential(Heap&, const Args& a) { return std::exp(to_real(at(a, 0))); }
Value logarithm(Heap&, const Args& a) { return std::log(to_real(at(a, 0))); }
Value round_down(Heap&, const Args& a) { return saturated<int64_t>(std::floor(to_real(at(a, 0)))); }
Value round_up(Heap&, const Args& a) { return saturated<int64_t>(std::ceil(to_real(at(a, 0)))); }

/// Of two numbers, or of a list.
template <class Better>
Value best(const Args& a, Better better) {
  const std::vector<Value> items = is<List*>(at(a, 0)) ? to_list(a[0]).items : a;
  if (items.empty()) throw invalid_model("the extreme of nothing");
  Value found = items[0];
  for (const Value& item : items)
    if (better(to_real(item), to_real(found))) found = item;
  return found;
}
Value maximum(Heap&, const Args& a) {
  return best(a, [](double x, double y) { return x > y; });
}
Value minimum(Heap&, const Args& a) {
  return best(a, [](double x, double y) { return x < y; });
}
Value sum(Heap&, const Args& a) {
  double total = 0;
  bool is_real = false;
  for (const Value& item : to_list(at(a, 0)).items) total += to_real(item), is_real |= is<double>(item);
  if (is_real) return total;
  return saturated<int64_t>(total);
}

template <bool kAll>
Value truth(Heap&, const Args& a) {
  bool found = kAll;
  for (const Value& item : to_list(at(a, 0)).items) found = kAll ? found && to_flag(item) : found || to_flag(item);
  return found;
}

Value same(Heap& heap, const Args& a) { return equal(heap, at(a, 0), at(a, 1)); }
Value different(Heap& heap, const Args& a) { return !equal(heap, at(a, 0), at(a, 1)); }
Value less(Heap&, const Args& a) { return to_real(at(a, 0)) < to_real(at(a, 1)); }
Value greater(Heap&, const Args& a) { return to_real(at(a, 0)) > to_real(at(a, 1)); }
Value at_most(Heap&, const Args& a) { return to_real(at(a, 0)) <= to_real(at(a, 1)); }
Value at_least(Heap&, const Args& a) { return to_real(at(a, 0)) >= to_real(at(a, 1)); }
Value is_same(Heap& heap, const Args& a) {
  return at(a, 0).index() == at(a, 1).index() && (is_none(a[0]) || equal(heap, a[0], a[1]));
}
Value is_other(Heap& heap, const Args& a) { return !to_flag(is_same(heap, a)); }
Value negation(Heap&, const Args& a) { return !to_flag(at(a, 0)); }
Value conjunction(Heap&, const Args& a) {
  if (is<int64_t>(at(a, 0)) && is<int64_t>(at(a, 1))) return wrap(bits(a[0]) & bits(a[1]));
  return to_flag(a[0]) && to_flag(at(a, 1));
}
Value disjunction(Heap&, const Args& a) {
  if (is<int64_t>(at(a, 0)) && is<int64_t>(at(a, 1))) return wrap(bits(a[0]) | bits(a[1]));
  return to_flag(a[0]) || to_flag(at(a, 1));
}
Value exclusive(Heap&, const Args& a) { return to_flag(at(a, 0)) != to_flag(at(a, 1)); }

Value length(Heap&, const Args& a) {
  if (const auto* text = std::get_if<Text>(&at(a, 0))) return static_cast<int64_t>((*text)->size());
  if (const auto* dict = std::get_if<Dict*>(&a[0])) return static_cast<int64_t>((*dict)->items.size());
  return static_cast<int64_t>(to_list(a[0]).items.size());
}
Value get_item(Heap& heap, const Args& a) { return element(heap, at(a, 0), at(a, 1)); }
/// The first argument, to be changed.
List& own_list(const Heap& heap, const Args& a) {
  List& list = to_list(at(a, 0));
  heap.require_own(list, "a list");
  return list;
}
Value set_item(Heap& heap, const Args& a) {
  if (const auto* dict = std::get_if<Dict*>(&at(a, 0))) {
    heap.require_own(**dict, "a dict");
    for (auto& [key, value] : (*dict)->items)
      if (equal(heap, key, at(a, 1))) return value = at(a, 2);
    if (static_cast<int64_t>((*dict)->items.size()) >= kMostItems) throw resource_error("a dict grows too long");
    heap.spend(2 * sizeof(Value));
    (*dict)->items.emplace_back(at(a, 1), at(a, 2));
    return a[0];
  }
  List& list = own_list(heap, a);
  const int64_t i = normalize_axis(to_int(at(a, 1)), static_cast<int64_t>(list.items.size()), "index");
  list.items[static_cast<size_t>(i)] = at(a, 2);
  return a[0];
}
Value append(Heap& heap, const Args& a) {
  List& list = own_list(heap, a);
  if (static_cast<int64_t>(list.items.size()) >= kMostItems) throw resource_error("a list grows too long");
  heap.spend(sizeof(Value));
  list.items.push_back(at(a, 1));
  return a[0];
}
Value insert(Heap& heap, const Args& a) {
  List& list = own_list(heap, a);
  const auto size = static_cast<int64_t>(list.items.size());
  if (size >= kMostItems) throw resource_error("a list grows too long");
  int64_t place = to_int(at(a, 1));
  place = std::clamp<int64_t>(place < 0 ? place + size : place, 0, size);
  heap.spend(sizeof(Value));
  list.items.insert(list.items.begin() + place, at(a, 2));
  return a[0];
}
Value extend(Heap& heap, const Args& a) {
  const std::vector<Value> more = to_list(at(a, 1)).items;
  for (const Value& item : more) append(heap, {at(a, 0), item});
  return a[0];
}
Value pop(Heap& heap, const Args& a) {
  List& list = own_list(heap, a);
  const int64_t i = normalize_axis(a.size() > 1 ? to_int(a[1]) : -1, static_cast<int64_t>(list.items.size()), "index");
  Value found = list.items[static_cast<size_t>(i)];
  list.items.erase(list.items.begin() + i);
  return found;
}
Value reverse(Heap& heap, const Args& a) {
  List& list = own_list(heap, a);
  std::reverse(list.items.begin(), list.items.end());
  return a[0];
}
Value copy_list(Heap& heap, const Args& a) { return heap.list(to_list(at(a, 0)).items); }
Value contains(Heap& heap, const Args& a) {
  if (const auto* dict = std::get_if<Dict*>(&at(a, 0))) {
    for (const auto& [key, value] : (*dict)->items)
      if (equal(heap, key, at(a, 1))) return true;
    return false;
  }
  for (const Value& item : to_list(a[0]).items)
    if (equal(heap, item, at(a, 1))) return true;
  return false;
}
Value slice(Heap& heap, const Args& a) {
  const List& list = to_list(at(a, 0));
  const auto size = static_cast<int64_t>(list.items.size());
  const int64_t step = a.size() > 3 && !is_none(a[3]) ? to_int(a[3]) : 1;
  if (step < 1) throw unsupported(cat("slices a list in steps of ", step));
  const auto bound = [&](size_t i, int64_t otherwise) {
    if (i >= a.size() || is_none(a[i])) return otherwise;
    const int64_t place = to_int(a[i]);
    return std::clamp<int64_t>(place < 0 ? std::max(place, -size) + size : place, 0, size);
  };
  std::vector<Value> out;
  const int64_t end = bound(2, size);
  for (int64_t i = bound(1, 0); i < end; i += std::min(step, end - i))
    out.push_back(list.items[static_cast<size_t>(i)]);
  return heap.list(std::move(out), list.is_tuple);
}
Value count_range(Heap&, const Args& a) {
  const int64_t low = to_int(at(a, 0)), high = to_int(at(a, 1)), step = divisor(at(a, 2));
  const uint64_t length = range_length(low, high, step);
  if (length > uint64_t{1} << 62) throw unsupported("a range of that length");
  return static_cast<int64_t>(length);
}

template <bool kKeys, bool kValues>
Value entries(Heap& heap, const Args& a) {
  const auto* dict = std::get_if<Dict*>(&at(a, 0));
  if (!dict) throw invalid_model(cat("found ", kind_of(a[0]), ", expected a dict"));
  std::vector<Value> out;
  for (const auto& [key, value] : (*dict)->items)
    out.push_back(kKeys && kValues ? Value(heap.list({key, value}, true)) : kKeys ? key : value);
  return heap.list(std::move(out));
}
Value get_or(Heap& heap, const Args& a) {
  const auto* dict = std::get_if<Dict*>(&at(a, 0));
  if (dict)
    for (const auto& [key, value] : (*dict)->items)
      if (equal(heap, key, at(a, 1))) return value;
  return a.size() > 2 ? a[2] : Value{};
}

std::string shown(const Value& value) {
  if (is<Text>(value)) return to_text_value(value);
  if (is<bool>(value)) return std::get<bool>(value) ? "True" : "False";
  if (is<int64_t>(value)) return cat(std::get<int64_t>(value));
  if (is<double>(value)) return cat(std::get<double>(value));
  return std::string(kind_of(value));
}
/// "{}" of the text are filled in order.
Value format(Heap& heap, const Args& a) {
  std::string out;
  const std::string& text = to_text_value(at(a, 0));
  size_t next = 1, begin = 0;
  for (size_t hole; (hole = text.find("{}", begin)) != std::string::npos; begin = hole + 2) {
    out += text.substr(begin, hole - begin);
    if (next < a.size()) out += shown(a[next++]);
    if (out.size() > 65536) throw resource_error("a text grows too long");
  }
  return heap.text(out + text.substr(begin));
}
Value text_of(Heap& heap, const Args& a) { return heap.text(shown(at(a, 0))); }
Value join_texts(Heap& heap, const Args& a) {
  std::string out;
  for (const Value& item : to_list(at(a, 1)).items) {
    out += out.empty() ? shown(item) : to_text_value(a[0]) + shown(item);
    if (out.size() > 65536) throw resource_error("a text grows too long");
  }
  return heap.text(std::move(out));
}
Value find_text(Heap& heap, const Args& a) {
  const std::string &text = to_text_value(at(a, 0)), &part = to_text_value(at(a, 1));
  heap.work(static_cast<int64_t>(text.size() * (1 + part.size() / 64)));
  const size_t place = text.find(part);
  return place == std::string::npos ? int64_t{-1} : static_cast<int64_t>(place);
}
/// Of pairs, or empty.
Value make_dict(Heap& heap, const Args& a) {
  Dict* dict = heap.dict();
  if (a.empty()) return dict;
  const size_t entries = is<Dict*>(a[0]) ? std::get<Dict*>(a[0])->items.size() : to_list(a[0]).items.size();
  heap.spend(static_cast<int64_t>(entries * 2 * sizeof(Value)));
  if (is<Dict*>(a[0])) return dict->items = std::get<Dict*>(a[0])->items, dict;
  for (const Value& item : to_list(a[0]).items) {
    const List& pair = to_list(item);
    if (pair.items.size() != 2) throw invalid_model("a dict of what are no pairs");
    dict->items.emplace_back(pair.items[0], pair.items[1]);
  }
  return dict;
}
Value starts_with(Heap&, const Args& a) { return to_text_value(at(a, 0)).starts_with(to_text_value(at(a, 1))); }

Value nothing(Heap&, const Args&) { return std::monostate{}; }
Value no(Heap&, const Args&) { return false; }
Value on_cpu(Heap& heap, const Args&) { return heap.text("cpu"); }
Value first(Heap&, const Args& a) { return at(a, 0); }

constexpr ScalarRow kRows[] = {
    {"add", add},
    {"sub", subtract},
    {"mul", multiply},
    {"div", divide},
    {"floordiv", floor_divide},
    {"remainder", remainder},
    {"pow", power},
    {"neg", negate},
    {"abs", absolute},
    {"prim.abs", absolute},
    {"sqrt", square_root},
    {"exp", exponential},
    {"log", logarithm},
    {"floor", round_down},
    {"ceil", round_up},
    {"max", maximum},
    {"min", minimum},
    {"prim.max", maximum},
    {"prim.min", minimum},
    {"sum", sum},
    {"all", truth<true>},
    {"any", truth<false>},
    {"eq", same},
    {"ne", different},
    {"lt", less},
    {"gt", greater},
    {"le", at_most},
    {"ge", at_least},
    {"__is__", is_same},
    {"__isnot__", is_other},
    {"__not__", negation},
    {"__and__", conjunction},
    {"__or__", disjunction},
    {"__xor__", exclusive},
    {"len", length},
    {"__getitem__", get_item},
    {"_set_item", set_item},
    {"append", append},
    {"insert", insert},
    {"extend", extend},
    {"pop", pop},
    {"reverse", reverse},
    {"list", copy_list},
    {"copy", copy_list},
    {"__contains__", contains},
    {"slice", slice},
    {"__range_length", count_range},
    {"keys", entries<true, false>},
    {"values", entries<false, true>},
    {"items", entries<true, true>},
    {"get", get_or},
    {"format", format},
    {"str", text_of},
    {"join", join_texts},
    {"startswith", starts_with},
    {"find", find_text},
    {"dict", make_dict},
    {"warn", nothing},
    {"print", nothing},
    {"Print", nothing},
    {"manual_seed", nothing},
    {"is_scripting", first},
    {"device", on_cpu},
    {"prim.device", on_cpu},
    {"is_grad_enabled", no},
    {"is_autocast_enabled", no},
    {"prim.unchecked_cast", first},
    {"prim.unchecked_unwrap_optional", first},
    {"_unwrap_optional", first},
    {"IntImplicit", first},
    {"FloatImplicit", first},
    {"ScalarImplicit", first},
};

}  // namespace

const ScalarRow* find_scalar_row(std::string_view name) {
  for (const ScalarRow& row : kRows)
    if (row.name == name) return &row;
  return nullptr;
}

uint64_t range_length(int64_t begin, int64_t end, int64_t step) {
  if (step > 0 ? begin >= end : begin <= end) return 0;
  const uint64_t b = static_cast<uint64_t>(begin), e = static_cast<uint64_t>(end), s = static_cast<uint64_t>(step);
  return step > 0 ? (e - b - 1) / s + 1 : (b - e - 1) / (0 - s) + 1;
}

Value element(Heap& heap, const Value& container, const Value& index) {
  if (const auto* dict = std::get_if<Dict*>(&container)) {
    heap.work(4 * static_cast<int64_t>((*dict)->items.size()));
    for (const auto& [key, value] : (*dict)->items)
      if (equal(heap, key, index)) return value;
    throw invalid_model("a dict has no such key");
  }
  const List& list = to_list(container);
  return list
      .items[static_cast<size_t>(normalize_axis(to_int(index), static_cast<int64_t>(list.items.size()), "index"))];
}

}  // namespace hone::torch
