#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace hone {

using Dims = std::vector<int64_t>;

/// One dimension: a number ≥ 0, a named symbol (equal names mean equal sizes), or unknown.
class Dim {
 public:
  Dim() = default;                       ///< unknown
  Dim(int64_t value) : value_(value) {}  ///< a number; negative means unknown
  explicit Dim(std::string symbol) : symbol_(std::move(symbol)) {}

  bool is_known() const { return value_ >= 0; }
  /// The number. Throws Error(internal) when not known.
  int64_t value() const;
  const std::string& symbol() const { return symbol_; }

  /// Same number, or same non-empty symbol. Two unknowns are not equal for certain, but compare equal here as data.
  friend bool operator==(const Dim& a, const Dim& b) = default;

 private:
  int64_t value_ = -1;
  std::string symbol_;
};

/// Dimensions of a tensor; even their number may be unknown.
class Shape {
 public:
  Shape() = default;  ///< a scalar: rank 0
  Shape(std::initializer_list<Dim> dims) : dims_(dims) {}
  explicit Shape(std::vector<Dim> dims) : dims_(std::move(dims)) {}
  Shape(const Dims& dims) : dims_(dims.begin(), dims.end()) {}
  static Shape unranked();
  static Shape unknown_of_rank(int64_t rank);

  bool has_rank() const { return has_rank_; }
  /// Throws Error(internal) when unranked.
  int64_t rank() const;
  /// Throws Error(internal) unless the shape has an axis i.
  const Dim& operator[](int64_t i) const { return dims_[axis(i)]; }
  Dim& operator[](int64_t i) { return dims_[axis(i)]; }
  const std::vector<Dim>& list() const { return dims_; }
  std::vector<Dim>& list() { return dims_; }

  /// Every dimension is a number.
  bool is_static() const;
  /// The numbers. Throws Error(internal) unless static.
  Dims dims() const;
  /// Number of elements. Throws Error(internal) unless static, Error(resource) on overflow.
  int64_t elements() const;

  friend bool operator==(const Shape& a, const Shape& b) = default;

 private:
  size_t axis(int64_t i) const {
    if (static_cast<uint64_t>(i) >= dims_.size()) throw_no_axis(i);
    return static_cast<size_t>(i);
  }
  [[noreturn]] void throw_no_axis(int64_t i) const;

  std::vector<Dim> dims_;
  bool has_rank_ = true;
};

/// "[1,224,n,?]", "[]", "[...]" for an unknown rank.
std::string to_text(const Shape& shape);
/// "[1, 224, 224]"; declared so that dims are not taken for a Shape.
std::string to_text(const Dims& dims);

/// Whether some concrete shape satisfies both (symbols are not compared).
bool compatible(const Shape& a, const Shape& b);

/// The axis in 0 … rank−1 for an axis in −rank … rank−1. Throws Error(invalid_argument) naming `what`.
int64_t normalize_axis(int64_t axis, int64_t rank, const char* what);

/// Row-major strides in elements.
Dims strides_of(const Dims& dims);

/// NumPy's multidirectional broadcasting of known dims. Throws Error(invalid_argument) naming both shapes.
Dims broadcast(const Dims& a, const Dims& b);
/// The same for shapes with symbols; unknown where neither side tells.
Shape broadcast(const Shape& a, const Shape& b);
/// Strides that read a tensor of `from` as if it had dims `to` (0 on broadcast axes); same length as `to`.
Dims broadcast_strides(const Dims& from, const Dims& to);

/// Steps `index` to the next position in row-major order; false after the last.
bool next_index(Dims& index, const Dims& dims);

}  // namespace hone
