#include "data/npy.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/checked.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace hone {

namespace {

constexpr size_t kMaxHeader = 1 << 20;
constexpr std::string_view kMagic = "\x93NUMPY";

struct Header {
  DType dtype = DType::kF32;
  bool is_big_endian = false;
  bool is_fortran = false;
  Dims dims;
};

struct DescrRow {
  std::string_view code;
  DType dtype;
};
constexpr DescrRow kDescrs[] = {{"f4", DType::kF32}, {"f2", DType::kF16}, {"f8", DType::kF64}, {"i1", DType::kI8},
                                {"u1", DType::kU8},  {"i2", DType::kI16}, {"u2", DType::kU16}, {"i4", DType::kI32},
                                {"u4", DType::kU32}, {"i8", DType::kI64}, {"u8", DType::kU64}, {"b1", DType::kBool}};

/// Reads the Python literal {'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : text_(text) {}

  Header read() {
    Header header;
    bool has_descr = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr") {
        read_descr(header);
        has_descr = true;
      } else if (key == "fortran_order") {
        header.is_fortran = read_bool();
        has_order = true;
      } else if (key == "shape") {
        header.dims = read_shape();
        has_shape = true;
      } else {
        fail(cat("unknown key '", key, "'"));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (!has_descr || !has_order || !has_shape) fail("descr, fortran_order or shape is missing");
    return header;
  }

 private:
  [[noreturn]] static void fail(std::string_view what) { throw invalid_argument(cat("npy: bad header: ", what)); }
  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool accept(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(cat("expected '", c, "' at byte ", at_));
  }
  std::string_view quoted() {
    skip();
    const char quote = at_ < text_.size() ? text_[at_] : ' ';
    if (quote != '\'' && quote != '"') fail(cat("expected a quoted text at byte ", at_));
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("a quote is not closed");
    const std::string_view found = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return found;
  }
  void read_descr(Header& header) {
    const std::string_view descr = quoted();
    if (descr.size() < 3) fail(cat("descr '", descr, "'"));
    header.is_big_endian = descr[0] == '>';
    for (const DescrRow& row : kDescrs) {
      if (descr.substr(1) != row.code) continue;
      header.dtype = row.dtype;
      return;
    }
    throw unsupported(cat("npy: element type '", descr, "', expected numbers or booleans"));
  }
  bool read_bool() {
    skip();
    for (const auto& [word, value] : {std::pair{std::string_view("True"), true}, {std::string_view("False"), false}}) {
      if (text_.substr(at_, word.size()) != word) continue;
      at_ += word.size();
      return value;
    }
    fail("fortran_order is neither True nor False");
  }
  Dims read_shape() {
    Dims dims;
    expect('(');
    while (!accept(')')) {
      skip();
      size_t end = at_;
      while (end < text_.size() && text_[end] >= '0' && text_[end] <= '9') ++end;
      const std::optional<int64_t> dim = parse_int(text_.substr(at_, end - at_));
      if (!dim) fail(cat("expected a dimension at byte ", at_));
      at_ = end;
      dims.push_back(*dim);
      if (dims.size() > 32) fail("more than 32 dimensions");
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return dims;
  }

  std::string_view text_;
  size_t at_ = 0;
};

void swap_bytes(Tensor& tensor) {
  const size_t width = static_cast<size_t>(size_of(tensor.dtype()));
  auto* bytes = static_cast<unsigned char*>(tensor.mutable_raw());
  for (int64_t i = 0; i < tensor.elements(); ++i, bytes += width) std::reverse(bytes, bytes + width);
}

/// From Fortran order, whose first index runs fastest, to C order.
Tensor transposed(const Tensor& x) {
  Tensor y = Tensor::empty(x.dtype(), x.dims());
  const size_t width = static_cast<size_t>(size_of(x.dtype()));
  const auto* from = static_cast<const char*>(x.raw());
  auto* to = static_cast<char*>(y.mutable_raw());
  if (x.elements() == 0) return y;
  Dims index(x.dims().size(), 0);
  do {
    int64_t offset = 0, stride = 1;
    for (size_t i = 0; i < index.size(); ++i) {
      offset += index[i] * stride;
      stride *= x.dims()[i];
    }
    std::memcpy(to, from + static_cast<size_t>(offset) * width, width);
    to += width;
  } while (next_index(index, x.dims()));
  return y;
}

void check_booleans(const Tensor& tensor) {
  const auto* bytes = static_cast<const unsigned char*>(tensor.raw());
  for (int64_t i = 0; i < tensor.elements(); ++i)
    if (bytes[i] > 1) throw invalid_argument(cat("npy: boolean ", i, " is stored as ", int(bytes[i])));
}

}  // namespace

namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The header's text and where the elements begin.
std::pair<std::string_view, size_t> header_of(std::string_view text) {
  if (text.size() < 10 || text.substr(0, 6) != kMagic) throw invalid_argument("npy: not a .npy file");
  const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(text[i])); };
  const size_t version = byte(6);
  if (version < 1 || version > 3) throw unsupported(cat("npy: version ", version, ", expected 1, 2 or 3"));
  const size_t start = version == 1 ? 10 : 12;
  if (text.size() < start) throw invalid_argument("npy: the file ends within its header");
  size_t length = byte(8) | byte(9) << 8;
  if (version > 1) length |= byte(10) << 16 | byte(11) << 24;
  if (length > text.size() - start || length > kMaxHeader)
    throw invalid_argument(cat("npy: header of ", length, " bytes in a file of ", text.size()));
  return {text.substr(start, length), start + length};
}

int64_t bytes_of(const Header& header) { return checked_mul(checked_product(header.dims), size_of(header.dtype)); }

}  // namespace

int64_t npy_file_size(std::span<const std::byte> start) {
  const std::string_view text = text_of(start);
  if (text.size() < kMaxHeader && text.find('}') == std::string_view::npos) return 0;
  const auto [header, at] = header_of(text);
  return checked_add(static_cast<int64_t>(at), bytes_of(HeaderReader(header).read()));
}

Tensor parse_npy(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  const std::string_view text = text_of(bytes);
  const auto [header_text, at] = header_of(text);
  const Header header = HeaderReader(header_text).read();
  const std::string_view data = text.substr(at);
  const int64_t needed = bytes_of(header);
  if (static_cast<int64_t>(data.size()) < needed)
    throw invalid_argument(
        cat("npy: the shape ", header.dims, " needs ", needed, " bytes, the file has ", data.size()));
  Tensor view = Tensor::view(header.dtype, header.dims, data.data(), std::move(owner));
  if (header.dtype == DType::kBool) check_booleans(view);
  const bool is_aligned = reinterpret_cast<uintptr_t>(data.data()) % static_cast<size_t>(size_of(header.dtype)) == 0;
  if (header.is_big_endian || !is_aligned) view = view.clone();
  if (header.is_big_endian) swap_bytes(view);
  return header.is_fortran && view.rank() > 1 ? transposed(view) : view;
}

Tensor read_npy(const std::string& path) {
  const auto file = MappedFile::open(path);
  return with_context([&] { return cat("while reading '", path, "'"); },
                      [&] { return parse_npy(file->bytes(), file); });
}

std::string npy_bytes(const Tensor& tensor) {
  const Tensor plain = tensor.dtype() == DType::kBF16 ? cast(tensor, DType::kF32) : tensor;
  const DType dtype = plain.dtype() == DType::kI4   ? DType::kI8
                      : plain.dtype() == DType::kU4 ? DType::kU8
                                                    : plain.dtype();
  std::string_view code;
  for (const DescrRow& row : kDescrs)
    if (row.dtype == dtype) code = row.code;
  std::string shape = "(";
  for (int64_t dim : plain.dims()) shape += cat(dim, plain.rank() == 1 ? "," : ", ");
  if (plain.rank() > 1) shape.resize(shape.size() - 2);
  std::string header =
      cat("{'descr': '", size_of(dtype) == 1 ? "|" : "<", code, "', 'fortran_order': False, 'shape': ", shape, "), }");
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string out(kMagic);
  out += '\x01';
  out += '\0';
  out += static_cast<char>(header.size() & 0xFF);
  out += static_cast<char>(header.size() >> 8);
  out += header;
  return out.append(static_cast<const char*>(plain.raw()), static_cast<size_t>(plain.byte_size()));
}

void write_npy(const std::string& path, const Tensor& tensor) { write_file(path, npy_bytes(tensor)); }

}  // namespace hone
