#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "ir/graph.h"
#include "tensor/tensor.h"

namespace hone::torch {

struct Cell;
struct List;
struct Dict;
struct Object;
struct OpRow;

/// What a TorchScript program computes with. Texts and containers live in a Heap: values are cheap to copy and may be
/// cyclic.
using Text = const std::string*;
using Value = std::variant<std::monostate, bool, int64_t, double, Text, Cell*, List*, Dict*, Object*>;

/// A part of another tensor, seen through an operator: what changes one in place changes the other.
struct View {
  Cell* base = nullptr;
  const OpRow* row = nullptr;
  std::vector<Value> arguments = {};
  size_t output = 0;     ///< of an operator that gives several
  uint64_t version = 0;  ///< of the base when this was taken
};

/// A tensor of the program: an array of the file, or a value of a graph. Names for the same tensor share one, so that
/// what changes it in place is seen through all of them.
struct Cell {
  Tensor array = {};       ///< exists() for a constant
  Graph* graph = nullptr;  ///< that holds `id`; null while no graph has it
  ValueId id = {};
  std::string name = {};  ///< "features.0.weight"
  uint64_t version = 0;   ///< counts changes
  View view = {};         ///< where its elements lie in another; without a base: in none
  int body = 0;           ///< Heap::body when it was made, here and below
};

struct List {
  std::vector<Value> items;
  bool is_tuple = false;
  int body = 0;
};
struct Dict {
  std::vector<std::pair<Value, Value>> items;
  int body = 0;
};
/// A module or another instance of a class: "__torch__.torch.nn.modules.conv.Conv2d".
struct Object {
  std::string type;
  std::string path;  ///< "features.0"
  std::map<std::string, Value, std::less<>> fields;
  Value state = {};  ///< of classes that keep something else than fields
  int body = 0;
};

/// What changes something from outside in a branch or loop on data: whether that happens only running tells.
struct OutsideChange : Error {
  explicit OutsideChange(std::string_view what);
};

/// Gives a place back what it held, however the scope ends.
template <class T>
struct Restored {
  T& place;
  T before;
  ~Restored() { place = std::move(before); }
};

/// Owns what values point to, for the time of one import, and counts what the program takes: spend() and work() throw
/// Error(resource) when that is too much.
class Heap {
 public:
  void spend(int64_t bytes);
  static constexpr int64_t kStepWork = 16;
  /// Time: elements of lists, texts (by 64 bytes) and arrays that something reads; a step of the program is kStepWork.
  void work(int64_t elements);
  /// Makes a value of the graph outside one of the graph that is being built.
  std::function<ValueId(const Cell& cell)> outside = {};
  /// The branch or loop on data that is being made; those that begin later have larger numbers. 0: none.
  int body = 0;
  /// Throws OutsideChange for a Cell, List, Dict or Object that the open branch or loop on data did not make itself.
  template <class T>
  void require_own(const T& changed, std::string_view what) const {
    if (changed.body < body) throw OutsideChange(what);
  }
  Cell* cell(Tensor array) {
    spend(sizeof(Cell));
    return &cells_.emplace_back(Cell{.array = std::move(array), .body = body});
  }
  Cell* cell(Graph& graph, ValueId id) {
    spend(sizeof(Cell));
    return &cells_.emplace_back(Cell{.array = {}, .graph = &graph, .id = id, .body = body});
  }
  List* list(std::vector<Value> items, bool is_tuple = false) {
    spend(static_cast<int64_t>((items.size() + 2) * sizeof(Value)));
    return &lists_.emplace_back(List{std::move(items), is_tuple, body});
  }
  Dict* dict() {
    spend(sizeof(Dict));
    return &dicts_.emplace_back(Dict{.items = {}, .body = body});
  }
  Text text(std::string content) {
    spend(static_cast<int64_t>(content.size() + sizeof content));
    return &texts_.emplace_back(std::move(content));
  }
  Object* object(std::string type) {
    spend(static_cast<int64_t>(sizeof(Object) + type.size()));
    return &objects_.emplace_back(Object{.type = std::move(type), .body = body});
  }

 private:
  int64_t spent_ = 0, work_ = 0;
  std::deque<std::string> texts_;
  std::deque<Cell> cells_;
  std::deque<List> lists_;
  std::deque<Dict> dicts_;
  std::deque<Object> objects_;
};

template <class T>
bool is(const Value& value) {
  return std::holds_alternative<T>(value);
}
inline bool is_none(const Value& value) { return is<std::monostate>(value); }
inline bool is_number(const Value& value) { return is<int64_t>(value) || is<double>(value) || is<bool>(value); }

/// "an integer", "a list", for messages.
std::string_view kind_of(const Value& value);
/// Throw Error(unsupported) for another kind: what is known only at run time is none.
int64_t to_int(const Value& value);
double to_real(const Value& value);
bool to_flag(const Value& value);
const std::string& to_text_value(const Value& value);
List& to_list(const Value& value);
/// Values without tensors: same kind and content. Numbers compare as numbers.
bool equal(Heap& heap, const Value& a, const Value& b);

}  // namespace hone::torch
