#include "tensor/shape.h"

#include <algorithm>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"

namespace hone {

int64_t Dim::value() const {
  if (!is_known()) throw internal_error(cat("size of dimension '", symbol_, "' is not known"));
  return value_;
}

Shape Shape::unranked() {
  Shape shape;
  shape.has_rank_ = false;
  return shape;
}

Shape Shape::unknown_of_rank(int64_t rank) {
  if (rank < 0 || rank > 64) throw invalid_argument(cat("rank ", rank, ", expected 0 to 64"));
  return Shape(std::vector<Dim>(static_cast<size_t>(rank)));
}

void Shape::throw_no_axis(int64_t i) const { throw internal_error(cat("shape ", to_text(*this), " has no axis ", i)); }

int64_t Shape::rank() const {
  if (!has_rank_) throw internal_error("rank of shape is not known");
  return static_cast<int64_t>(dims_.size());
}

bool Shape::is_static() const {
  return has_rank_ && std::all_of(dims_.begin(), dims_.end(), [](const Dim& d) { return d.is_known(); });
}

Dims Shape::dims() const {
  if (!is_static()) throw internal_error(cat("shape ", to_text(*this), " is not fully known"));
  Dims out;
  out.reserve(dims_.size());
  for (const Dim& d : dims_) out.push_back(d.value());
  return out;
}

int64_t Shape::elements() const { return checked_product(dims()); }

std::string to_text(const Dims& dims) { return to_text(std::span<const int64_t>(dims)); }

std::string to_text(const Shape& shape) {
  if (!shape.has_rank()) return "[...]";
  std::string out = "[";
  for (size_t i = 0; i < shape.list().size(); ++i) {
    const Dim& d = shape.list()[i];
    if (i) out += ",";
    out += d.is_known() ? std::to_string(d.value()) : d.symbol().empty() ? "?" : d.symbol();
  }
  return out + "]";
}

bool compatible(const Shape& a, const Shape& b) {
  if (!a.has_rank() || !b.has_rank()) return true;
  if (a.rank() != b.rank()) return false;
  for (int64_t i = 0; i < a.rank(); ++i)
    if (a[i].is_known() && b[i].is_known() && a[i].value() != b[i].value()) return false;
  return true;
}

int64_t normalize_axis(int64_t axis, int64_t rank, const char* what) {
  if (axis < -rank || axis >= rank)
    throw invalid_argument(cat(what, ": axis ", axis, " is outside a tensor of rank ", rank));
  return axis < 0 ? axis + rank : axis;
}

Dims strides_of(const Dims& dims) {
  Dims strides(dims.size(), 1);
  for (size_t i = dims.size(); i-- > 1;) strides[i - 1] = strides[i] * std::max<int64_t>(dims[i], 1);
  return strides;
}

Dims broadcast(const Dims& a, const Dims& b) { return broadcast(Shape(a), Shape(b)).dims(); }

Shape broadcast(const Shape& a, const Shape& b) {
  if (!a.has_rank() || !b.has_rank()) return Shape::unranked();
  const int64_t rank = std::max(a.rank(), b.rank());
  Shape out = Shape::unknown_of_rank(rank);
  for (int64_t i = 0; i < rank; ++i) {
    const int64_t ia = i - (rank - a.rank()), ib = i - (rank - b.rank());
    const Dim da = ia < 0 ? Dim(1) : a[ia], db = ib < 0 ? Dim(1) : b[ib];
    if (da == Dim(1)) {
      out[i] = db;
    } else if (db == Dim(1) || da == db) {
      out[i] = da;
    } else if (da.is_known() && db.is_known()) {
      throw invalid_argument(cat("shapes ", to_text(a), " and ", to_text(b), " do not broadcast"));
    } else {
      out[i] = da.is_known() ? da : db.is_known() ? db : Dim();
    }
  }
  return out;
}

Dims broadcast_strides(const Dims& from, const Dims& to) {
  const Dims own = strides_of(from);
  Dims strides(to.size(), 0);
  const size_t shift = to.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i) strides[i + shift] = from[i] == 1 ? 0 : own[i];
  return strides;
}

bool next_index(Dims& index, const Dims& dims) {
  for (size_t i = dims.size(); i-- > 0;) {
    if (++index[i] < dims[i]) return true;
    index[i] = 0;
  }
  return false;
}

}  // namespace hone
