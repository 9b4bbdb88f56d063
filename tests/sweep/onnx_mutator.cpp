#include "sweep/onnx_mutator.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <limits>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <vector>

#include "formats/onnx/rows.h"

namespace hone::sweep {

namespace {

using protozero::pbf_wire_type;

/// Messages of onnx.proto that hold messages; a leaf is anything else.
enum class Kind : uint8_t {
  kLeaf,
  kModel,
  kGraph,
  kNode,
  kAttribute,
  kTensor,
  kSparse,
  kInfo,
  kType,
  kArray,
  kShape,
  kDim,
  kEntry,
  kFunction
};

/// Field `tag` of a `in` is a message of this kind: what the bytes themselves do not say.
struct Nesting {
  Kind in;
  uint32_t tag;
  Kind is;
};
constexpr Nesting kNestings[] = {
    {Kind::kModel, 7, Kind::kGraph},     {Kind::kModel, 8, Kind::kEntry},         {Kind::kModel, 14, Kind::kEntry},
    {Kind::kModel, 25, Kind::kFunction}, {Kind::kGraph, 1, Kind::kNode},          {Kind::kGraph, 5, Kind::kTensor},
    {Kind::kGraph, 11, Kind::kInfo},     {Kind::kGraph, 12, Kind::kInfo},         {Kind::kGraph, 13, Kind::kInfo},
    {Kind::kGraph, 15, Kind::kSparse},   {Kind::kNode, 5, Kind::kAttribute},      {Kind::kAttribute, 5, Kind::kTensor},
    {Kind::kAttribute, 6, Kind::kGraph}, {Kind::kAttribute, 10, Kind::kTensor},   {Kind::kAttribute, 11, Kind::kGraph},
    {Kind::kAttribute, 14, Kind::kType}, {Kind::kAttribute, 22, Kind::kSparse},   {Kind::kTensor, 13, Kind::kEntry},
    {Kind::kSparse, 1, Kind::kTensor},   {Kind::kSparse, 2, Kind::kTensor},       {Kind::kInfo, 2, Kind::kType},
    {Kind::kType, 1, Kind::kArray},      {Kind::kType, 4, Kind::kType},           {Kind::kType, 9, Kind::kType},
    {Kind::kArray, 2, Kind::kShape},     {Kind::kShape, 1, Kind::kDim},           {Kind::kFunction, 7, Kind::kNode},
    {Kind::kFunction, 9, Kind::kEntry},  {Kind::kFunction, 11, Kind::kAttribute},
};
constexpr uint32_t kNodeInput = 1, kNodeOutput = 2, kNodeOperator = 4;
constexpr int kMaxDepth = 24;

Kind kind_of(Kind in, uint32_t tag) {
  for (const Nesting& nesting : kNestings)
    if (nesting.in == in && nesting.tag == tag) return nesting.is;
  return Kind::kLeaf;
}

struct Field {
  uint32_t tag = 0;
  pbf_wire_type wire = pbf_wire_type::varint;
  Kind in = Kind::kModel, is = Kind::kLeaf;
  uint64_t number = 0;        ///< of a field without a length
  std::string bytes;          ///< of a leaf with one
  std::vector<Field> fields;  ///< of a message
};

std::vector<Field> fields_of(std::string_view message, Kind in, int depth = 0) {
  std::vector<Field> fields;
  for (protozero::pbf_reader from(message.data(), message.size()); from.next();) {
    Field field{from.tag(), from.wire_type(), in, kind_of(in, from.tag()), 0, {}, {}};
    if (field.wire == pbf_wire_type::varint)
      field.number = from.get_uint64();
    else if (field.wire == pbf_wire_type::fixed32)
      field.number = from.get_fixed32();
    else if (field.wire == pbf_wire_type::fixed64)
      field.number = from.get_fixed64();
    else if (const auto view = from.get_view(); field.is != Kind::kLeaf && depth < kMaxDepth)
      field.fields = fields_of({view.data(), view.size()}, field.is, depth + 1);
    else
      field.is = Kind::kLeaf, field.bytes.assign(view.data(), view.size());
    fields.push_back(std::move(field));
  }
  return fields;
}

std::string encode(const std::vector<Field>& fields) {
  std::string out;
  protozero::pbf_writer to(out);
  for (const Field& field : fields) {
    if (field.wire == pbf_wire_type::varint)
      to.add_uint64(field.tag, field.number);
    else if (field.wire == pbf_wire_type::fixed32)
      to.add_fixed32(field.tag, static_cast<uint32_t>(field.number));
    else if (field.wire == pbf_wire_type::fixed64)
      to.add_fixed64(field.tag, field.number);
    else if (field.is == Kind::kLeaf)
      to.add_bytes(field.tag, field.bytes);
    else
      to.add_bytes(field.tag, encode(field.fields));
  }
  return out;
}

class Mutator {
 public:
  Mutator(std::vector<Field> model, std::mt19937_64& random) : model_(std::move(model)), random_(random) {}

  std::string run() {
    for (size_t changes = 1 + below(4); changes > 0; --changes) change();
    return encode(model_);
  }

 private:
  /// A field and the list that holds it.
  struct Place {
    std::vector<Field>* list;
    size_t at;
    Field& field() const { return (*list)[at]; }
  };

  size_t below(size_t n) { return n == 0 ? 0 : random_() % n; }

  template <class Wanted>
  void collect(std::vector<Field>& list, const Wanted& wanted, std::vector<Place>& out) {
    for (size_t i = 0; i < list.size(); ++i) {
      if (wanted(list[i])) out.push_back({&list, i});
      collect(list[i].fields, wanted, out);
    }
  }
  template <class Wanted>
  std::vector<Place> places(const Wanted& wanted) {
    std::vector<Place> out;
    collect(model_, wanted, out);
    return out;
  }

  void change() {
    const std::vector<Place> all =
        places([](const Field& f) { return f.in != Kind::kModel || f.tag == 7 || f.tag == 8; });
    if (all.empty()) return;
    const Place place = all[below(all.size())];
    switch (below(8)) {
      case 0:
        return void(place.list->erase(place.list->begin() + static_cast<std::ptrdiff_t>(place.at)));
      case 1:
        return void(
            place.list->insert(place.list->begin() + static_cast<std::ptrdiff_t>(place.at), Field(place.field())));
      case 2:
        return std::swap(place.field(), (*place.list)[below(place.list->size())]);
      case 3:
        return put_alike(place.field());
      case 4:
        return rename_operator();
      case 5:
        return read_another();
      default:
        return change_leaf(place.field());
    }
  }

  /// Another field of the same meaning in its place.
  void put_alike(Field& field) {
    const auto alike =
        places([&](const Field& f) { return f.in == field.in && f.tag == field.tag && f.wire == field.wire; });
    Field other = alike[below(alike.size())].field();
    field = std::move(other);
  }
  void rename_operator() {
    static const std::vector<const onnx::Row*> kRows = onnx::all_rows();
    const auto names = places([](const Field& f) { return f.in == Kind::kNode && f.tag == kNodeOperator; });
    if (!names.empty()) names[below(names.size())].field().bytes = kRows[below(kRows.size())]->op;
  }
  /// A node reads, or makes, a value of another name.
  void read_another() {
    const auto names = places([](const Field& f) {
      return (f.in == Kind::kNode && (f.tag == kNodeInput || f.tag == kNodeOutput)) ||
             (f.in == Kind::kInfo && f.tag == 1) || (f.in == Kind::kTensor && f.tag == 8);
    });
    if (names.empty()) return;
    std::string name = below(8) == 0 ? std::string() : names[below(names.size())].field().bytes;
    names[below(names.size())].field().bytes = std::move(name);
  }
  void change_leaf(Field& field) {
    if (field.is != Kind::kLeaf) return change_leaf_of(field.fields);
    if (field.wire == pbf_wire_type::varint)
      field.number = number(field.number);
    else if (field.wire != pbf_wire_type::length_delimited)
      field.number ^= uint64_t{1} << below(field.wire == pbf_wire_type::fixed32 ? 32 : 64);
    else
      change_bytes(field.bytes);
  }
  void change_leaf_of(std::vector<Field>& fields) {
    if (!fields.empty()) change_leaf(fields[below(fields.size())]);
  }
  uint64_t number(uint64_t old) {
    switch (below(6)) {
      case 0:
        return old + 1;
      case 1:
        return old - 1;
      case 2:
        return static_cast<uint64_t>(-static_cast<int64_t>(below(5)));
      case 3:
        return uint64_t{1} << below(64);
      default:
        return below(20);
    }
  }
  void change_bytes(std::string& bytes) {
    if (bytes.empty() || below(8) == 0)
      bytes.append(1 + below(16), static_cast<char>(below(256)));
    else if (below(6) == 0)
      bytes.resize(below(bytes.size()));
    else
      bytes[below(bytes.size())] = static_cast<char>(below(2) == 0 ? below(256) : below(8) - 2);
  }

  std::vector<Field> model_;
  std::mt19937_64& random_;
};

}  // namespace

std::string mutated_onnx(std::string_view model, std::mt19937_64& random) {
  try {
    return Mutator(fields_of(model, Kind::kModel), random).run();
  } catch (const protozero::exception&) {
    return std::string(model);
  }
}

}  // namespace hone::sweep
