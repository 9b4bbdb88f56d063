#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "tensor/tensor.h"

namespace hone {

/// A string literal as a template argument, so that an operator's name is part of its type.
template <size_t N>
struct FixedString {
  char text[N];
  constexpr FixedString(const char (&s)[N]) { std::copy_n(s, N, text); }
  constexpr std::string_view view() const { return {text, N - 1}; }
};

enum class AttrKind : uint8_t { kInt, kFloat, kBool, kString, kInts, kFloats, kStrings, kDType, kTensor, kEnum };

/// One attribute of an operator, seen without its C++ type. `address` takes the attribute struct.
struct FieldInfo {
  std::string_view name;
  AttrKind kind;
  std::span<const std::string_view> enum_names;  ///< names of values 0, 1, … when kind is kEnum (underlying type int)
  void* (*address)(void* attrs);
};

/// An attribute struct seen without its C++ type.
struct AttrType {
  std::string_view op_name;
  std::span<const FieldInfo> fields;
  std::shared_ptr<void> (*create)();  ///< default values
  std::shared_ptr<void> (*clone)(const void*);
};

/// One entry of an attribute struct's `fields` tuple.
template <class Owner, class T>
struct Field {
  std::string_view name;
  T Owner::*member;
};
template <class Owner, class T>
Field(const char*, T Owner::*) -> Field<Owner, T>;

/// Enumerations used as attributes have underlying type int, values 0, 1, …, and a free constexpr function
/// `std::span<const std::string_view> enum_names(E)` found by argument-dependent lookup.
namespace detail {

template <class T>
constexpr AttrKind kind_of() {
  if constexpr (std::is_same_v<T, int64_t>)
    return AttrKind::kInt;
  else if constexpr (std::is_same_v<T, float>)
    return AttrKind::kFloat;
  else if constexpr (std::is_same_v<T, bool>)
    return AttrKind::kBool;
  else if constexpr (std::is_same_v<T, std::string>)
    return AttrKind::kString;
  else if constexpr (std::is_same_v<T, std::vector<int64_t>>)
    return AttrKind::kInts;
  else if constexpr (std::is_same_v<T, std::vector<float>>)
    return AttrKind::kFloats;
  else if constexpr (std::is_same_v<T, std::vector<std::string>>)
    return AttrKind::kStrings;
  else if constexpr (std::is_same_v<T, DType>)
    return AttrKind::kDType;
  else if constexpr (std::is_same_v<T, Tensor>)
    return AttrKind::kTensor;
  else {
    static_assert(std::is_enum_v<T> && std::is_same_v<std::underlying_type_t<T>, int>, "not an attribute type");
    return AttrKind::kEnum;
  }
}

template <class T>
constexpr std::span<const std::string_view> names_of() {
  if constexpr (kind_of<T>() == AttrKind::kEnum)
    return enum_names(T{});
  else
    return {};
}

template <class Op, size_t I>
constexpr FieldInfo field_info() {
  constexpr auto field = std::get<I>(Op::fields);
  using T = std::remove_reference_t<decltype(std::declval<Op&>().*(field.member))>;
  return {field.name, kind_of<T>(), names_of<T>(),
          [](void* attrs) -> void* { return &(static_cast<Op*>(attrs)->*(std::get<I>(Op::fields).member)); }};
}

template <class Op, size_t... I>
constexpr std::array<FieldInfo, sizeof...(I)> field_infos(std::index_sequence<I...>) {
  return {field_info<Op, I>()...};
}

template <class Op>
struct AttrTypeOf {
  static constexpr auto kFields =
      field_infos<Op>(std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<decltype(Op::fields)>>>{});
  static constexpr AttrType value{
      Op::kName, kFields, []() -> std::shared_ptr<void> { return std::make_shared<Op>(); },
      [](const void* p) -> std::shared_ptr<void> { return std::make_shared<Op>(*static_cast<const Op*>(p)); }};
};

}  // namespace detail

template <class Op>
constexpr const AttrType& attr_type() {
  return detail::AttrTypeOf<Op>::value;
}

/// The attributes of one node: an immutable, shared value of some operator's struct.
class Attrs {
 public:
  Attrs() = default;
  template <class Op>
  static Attrs of(Op op) {
    return Attrs(attr_type<Op>(), std::make_shared<Op>(std::move(op)));
  }
  Attrs(const AttrType& type, std::shared_ptr<const void> value) : type_(&type), value_(std::move(value)) {}

  bool exists() const { return type_ != nullptr; }
  const AttrType& type() const { return *type_; }
  const void* value() const { return value_.get(); }
  /// The attribute struct; the caller knows the operator (Node::is<Op>()). Throws Error(internal) for another operator.
  template <class Op>
  const Op& as() const {
    check(Op::kName);
    return *static_cast<const Op*>(value_.get());
  }

 private:
  void check(std::string_view op_name) const;
  const AttrType* type_ = nullptr;
  std::shared_ptr<const void> value_;
};

bool equal(const Attrs& a, const Attrs& b);
size_t hash_of(const Attrs& attrs);
/// "{strides=[2, 2], groups=8}"; only fields that differ from the default; "" when none does.
std::string to_text(const Attrs& attrs);

/// Sets one field of a mutable attribute struct from text as to_text writes it. Throws Error(invalid_argument).
void set_from_text(const FieldInfo& field, void* attrs, std::string_view text);
/// Value of one field as text, e.g. "[2, 2]", "linear", "0.5", "\"text\"".
std::string field_to_text(const FieldInfo& field, const void* attrs);

}  // namespace hone
