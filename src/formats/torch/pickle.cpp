#include "formats/torch/pickle.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <map>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "formats/torch/storage.h"

namespace hone::torch {

namespace {

constexpr size_t kMostValues = 4'000'000;

/// Objects that stand for globals and storages while a pickle is read; their types begin with these letters.
constexpr std::string_view kGlobal = "global ", kStorage = "storage";

class Reader {
 public:
  Reader(std::string_view bytes, Heap& heap, const std::function<Bytes(const std::string&)>& bytes_of)
      : bytes_(bytes), heap_(heap), bytes_of_(bytes_of) {}

  Value read() {
    while (true) {
      const char opcode = take(1)[0];
      if (opcode == '.') break;
      if (++values_ > kMostValues) throw resource_error(cat("a pickle of more than ", kMostValues, " steps"));
      with_context([&] { return cat("at byte ", at_ - 1, " of the pickle"); }, [&] { step(opcode); });
    }
    return pop();
  }

 private:
  std::string_view take(uint64_t count) {
    if (count > bytes_.size() - at_) throw invalid_model(cat("the pickle ends at byte ", bytes_.size()));
    const std::string_view found = bytes_.substr(at_, static_cast<size_t>(count));
    at_ += static_cast<size_t>(count);
    return found;
  }
  uint64_t little(int count) {
    const std::string_view raw = take(static_cast<uint64_t>(count));
    uint64_t value = 0;
    for (int i = 0; i < count; ++i)
      value |= uint64_t{static_cast<unsigned char>(raw[static_cast<size_t>(i)])} << (8 * i);
    return value;
  }
  std::string line() {
    const size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) throw invalid_model("a name without an end");
    const std::string found(bytes_.substr(at_, end - at_));
    at_ = end + 1;
    return found;
  }

  void push(Value value) { stack_.push_back(std::move(value)); }
  Value pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back()))
      throw invalid_model("the pickle takes what is not there");
    Value top = std::move(stack_.back());
    stack_.pop_back();
    return top;
  }
  Value& top() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back()))
      throw invalid_model("the pickle takes what is not there");
    return stack_.back();
  }
  std::vector<Value> pop_mark() {
    if (marks_.empty()) throw invalid_model("the pickle ends a list that it did not begin");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<Value> items(std::make_move_iterator(first), std::make_move_iterator(stack_.end()));
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }

  void put(uint64_t slot) {
    heap_.spend(sizeof(*memo_.begin()));
    memo_[slot] = top();
  }
  void get(uint64_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) throw invalid_model(cat("the pickle refers to memo ", slot, ", which is empty"));
    push(found->second);
  }

  void step(char opcode);
  bool step_number(char opcode);
  bool step_container(char opcode);
  void push_long(std::string_view raw);
  void push_global(const std::string& module, const std::string& name) {
    push(heap_.object(cat(kGlobal, module, ".", name)));
  }
  void set_items(const std::vector<Value>& pairs);
  void append(std::vector<Value> items);
  void reduce();
  void build();
  void new_object();
  void persistent();
  Value call(std::string_view name, const std::vector<Value>& arguments);
  Tensor rebuild(const std::vector<Value>& arguments, bool is_quantized);

  std::string_view bytes_;
  Heap& heap_;
  const std::function<Bytes(const std::string&)>& bytes_of_;
  size_t at_ = 0, values_ = 0;
  std::vector<Value> stack_;
  std::vector<size_t> marks_;
  std::map<uint64_t, Value> memo_;
  std::map<const Object*, Storage> storages_;
  std::map<std::string, Bytes, std::less<>> bytes_by_key_;
  int64_t free_copies_ = 0;  ///< bytes: arrays whose elements lie in another order are copied once each
};

void Reader::push_long(std::string_view raw) {
  if (raw.size() > 8) throw unsupported(cat("an integer of ", raw.size(), " bytes"));
  uint64_t value = !raw.empty() && raw.back() < 0 ? ~uint64_t{0} : 0;
  for (size_t i = 0; i < raw.size(); ++i) {
    value &= ~(uint64_t{0xFF} << (8 * i));
    value |= uint64_t{static_cast<unsigned char>(raw[i])} << (8 * i);
  }
  push(std::bit_cast<int64_t>(value));
}

bool Reader::step_number(char opcode) {
  switch (opcode) {
    case 'N':
      return push(std::monostate{}), true;
    case '\x88':
      return push(true), true;
    case '\x89':
      return push(false), true;
    case 'J':
      return push(int64_t{static_cast<int32_t>(little(4))}), true;
    case 'K':
      return push(static_cast<int64_t>(little(1))), true;
    case 'M':
      return push(static_cast<int64_t>(little(2))), true;
    case '\x8a':
      return push_long(take(little(1))), true;
    case 'G': {
      uint64_t bits = 0;
      for (const char byte : take(8)) bits = bits << 8 | static_cast<unsigned char>(byte);
      return push(std::bit_cast<double>(bits)), true;
    }
    case 'X':
      return push(heap_.text(std::string(take(little(4))))), true;
    case '\x8c':
    case 'U':
      return push(heap_.text(std::string(take(little(1))))), true;
    default:
      return false;
  }
}

bool Reader::step_container(char opcode) {
  switch (opcode) {
    case '(':
      return marks_.push_back(stack_.size()), true;
    case ')':
      return push(heap_.list({}, true)), true;
    case 't':
      return push(heap_.list(pop_mark(), true)), true;
    case '\x85':
    case '\x86':
    case '\x87': {
      std::vector<Value> items(static_cast<size_t>(static_cast<unsigned char>(opcode) - 0x84));
      for (auto it = items.rbegin(); it != items.rend(); ++it) *it = pop();
      return push(heap_.list(std::move(items), true)), true;
    }
    case ']':
      return push(heap_.list({})), true;
    case 'l':
      return push(heap_.list(pop_mark())), true;
    case 'a': {
      Value item = pop();
      return append({std::move(item)}), true;
    }
    case 'e':
      return append(pop_mark()), true;
    case '}':
      return push(heap_.dict()), true;
    case 's': {
      Value value = pop(), key = pop();
      return set_items({std::move(key), std::move(value)}), true;
    }
    case 'u':
      return set_items(pop_mark()), true;
    default:
      return false;
  }
}

void Reader::step(char opcode) {
  if (step_number(opcode) || step_container(opcode)) return;
  switch (opcode) {
    case '\x80':
      return void(take(1));
    case '\x95':
      return void(take(8));
    case 'c': {
      const std::string module = line();
      return push_global(module, line());
    }
    case '\x93': {
      const Value name = pop(), module = pop();
      return push_global(to_text_value(module), to_text_value(name));
    }
    case 'q':
      return put(little(1));
    case 'r':
      return put(little(4));
    case '\x94':
      return put(memo_.size());
    case 'h':
      return get(little(1));
    case 'j':
      return get(little(4));
    case '0':
      return void(pop());
    case 'R':
      return reduce();
    case '\x81':
      return new_object();
    case 'b':
      return build();
    case 'Q':
      return persistent();
    default:
      throw unsupported(
          cat("pickle opcode ", static_cast<int>(static_cast<unsigned char>(opcode)), ", which torch does not write"));
  }
}

void Reader::set_items(const std::vector<Value>& pairs) {
  auto* dict = std::get_if<Dict*>(&top());
  if (!dict || pairs.size() % 2 != 0) throw invalid_model("the pickle sets entries of what is no dict");
  for (size_t i = 0; i < pairs.size(); i += 2) (*dict)->items.emplace_back(pairs[i], pairs[i + 1]);
}

void Reader::append(std::vector<Value> items) {
  auto* list = std::get_if<List*>(&top());
  if (!list || (*list)->is_tuple) throw invalid_model("the pickle appends to what is no list");
  for (Value& item : items) (*list)->items.push_back(std::move(item));
}

/// "torch._utils._rebuild_tensor_v2" of a global; throws Error(invalid_model) for any other value.
std::string_view global_name(const Value& value) {
  const auto* object = std::get_if<Object*>(&value);
  if (!object || !(*object)->type.starts_with(kGlobal)) throw invalid_model("the pickle calls what is no name");
  return std::string_view((*object)->type).substr(kGlobal.size());
}

void Reader::new_object() {
  const Value arguments = pop();
  const std::string_view name = global_name(pop());
  if (!name.starts_with("__torch__.")) throw unsupported(cat("the pickle makes an instance of '", name, "'"));
  if (!to_list(arguments).items.empty()) throw unsupported(cat("an instance of '", name, "' made with arguments"));
  push(heap_.object(std::string(name)));
}

/// The state becomes fields, or is kept as it is.
void Reader::build() {
  const Value state = pop();
  auto* object = std::get_if<Object*>(&top());
  if (!object) throw invalid_model("the pickle gives a state to what is no object");
  (*object)->state = state;
  if (const auto* dict = std::get_if<Dict*>(&state))
    for (const auto& [key, value] : (*dict)->items) {
      heap_.spend(static_cast<int64_t>(sizeof(*(*object)->fields.begin()) + to_text_value(key).size()));
      (*object)->fields[to_text_value(key)] = value;
    }
}

/// ('storage', type, key, place, elements).
void Reader::persistent() {
  const Value id = pop();
  const List& parts = to_list(id);
  if (parts.items.size() < 5 || !is<Text>(parts.items[0]) || to_text_value(parts.items[0]) != "storage")
    throw invalid_model("the pickle refers to what is no storage");
  Object* object = heap_.object(std::string(kStorage));
  const std::string& key = to_text_value(parts.items[2]);
  auto bytes = bytes_by_key_.find(key);
  if (bytes == bytes_by_key_.end()) {
    bytes = bytes_by_key_.emplace(key, bytes_of_(key)).first;
    free_copies_ += static_cast<int64_t>(bytes->second.data.size());
  }
  storages_[object] = {storage_dtype(std::string(global_name(parts.items[1]))), bytes->second};
  push(object);
}

bool is_part(const Tensor& tensor, const Bytes& of) {
  const auto* first = static_cast<const std::byte*>(tensor.raw());
  return first >= of.data.data() && first < of.data.data() + of.data.size();
}

Tensor Reader::rebuild(const std::vector<Value>& arguments, bool is_quantized) {
  if (arguments.size() < 4) throw invalid_model("a tensor without storage, offset, size and stride");
  const auto* object = std::get_if<Object*>(&arguments[0]);
  const auto storage = object ? storages_.find(*object) : storages_.end();
  if (storage == storages_.end()) throw invalid_model("a tensor of what is no storage");
  for (const size_t part : {size_t{2}, size_t{3}})
    if (to_list(arguments[part]).items.size() > 64) throw invalid_model("a tensor of more than 64 dims");
  Dims dims, strides;
  for (const Value& dim : to_list(arguments[2]).items) dims.push_back(to_int(dim));
  for (const Value& stride : to_list(arguments[3]).items) strides.push_back(to_int(stride));
  Tensor plain = tensor_of(storage->second, to_int(arguments[1]), std::move(dims), strides);
  if (!is_part(plain, storage->second.bytes)) {
    const int64_t beyond = plain.byte_size() - free_copies_;
    free_copies_ = std::max<int64_t>(-beyond, 0);
    heap_.spend(std::max<int64_t>(beyond, 0));
  }
  if (!is_quantized) return plain;
  if (arguments.size() < 5) throw invalid_model("a quantized tensor without parameters");
  const std::vector<Value>& scheme = to_list(arguments[4]).items;
  if (scheme.size() == 3)
    return plain.with_quant(
        QuantParams::per_tensor(static_cast<float>(to_real(scheme[1])), static_cast<int32_t>(to_int(scheme[2]))));
  const bool is_per_channel = scheme.size() == 4 && is<Cell*>(scheme[1]) && is<Cell*>(scheme[2]);
  if (!is_per_channel) throw unsupported(cat("a quantization scheme with ", scheme.size(), " parameters"));
  for (const size_t part : {size_t{1}, size_t{2}}) heap_.spend(std::get<Cell*>(scheme[part])->array.elements() * 16);
  std::vector<float> scales;
  std::vector<int32_t> zeros;
  for (const double v : to_doubles(std::get<Cell*>(scheme[1])->array)) scales.push_back(static_cast<float>(v));
  for (const double v : to_doubles(std::get<Cell*>(scheme[2])->array)) zeros.push_back(saturated<int32_t>(v));
  const int64_t axis = normalize_axis(to_int(scheme[3]), plain.rank(), "quantization axis");
  if (static_cast<int64_t>(scales.size()) != plain.dim(axis) || zeros.size() != scales.size())
    throw invalid_model(cat(scales.size(), " scales for ", plain.dim(axis), " channels"));
  return plain.with_quant(QuantParams::per_channel(std::move(scales), std::move(zeros), axis));
}

Value Reader::call(std::string_view name, const std::vector<Value>& arguments) {
  const auto first = [&]() -> const Value& {
    if (arguments.empty()) throw invalid_model(cat("'", name, "' without arguments"));
    return arguments[0];
  };
  if (name == "torch._utils._rebuild_tensor_v2") return heap_.cell(rebuild(arguments, false));
  if (name == "torch._utils._rebuild_qtensor") return heap_.cell(rebuild(arguments, true));
  if (name == "torch._utils._rebuild_parameter") return first();
  if (name == "collections.OrderedDict") return heap_.dict();
  if (name == "torch.device") return heap_.text("cpu");
  if (name.starts_with("torch.jit._pickle.")) return first();  // build_intlist, restore_type_tag, …: types of a value
  throw unsupported(cat("the pickle calls '", name, "'"),
                    "hone reads weights and attributes, it runs no code of a file");
}

void Reader::reduce() {
  const Value arguments = pop();
  const std::string_view name = global_name(pop());
  push(call(name, to_list(arguments).items));
}

}  // namespace

Value read_pickle(std::string_view bytes, Heap& heap, const std::function<Bytes(const std::string& key)>& bytes_of) {
  return Reader(bytes, heap, bytes_of).read();
}

}  // namespace hone::torch
