#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace hone {

/// The text of a C source while nodes are written into it: which kernels they need, their constants, the calls.
class CText {
 public:
  /// Asks for a kernel of kernels.c and those it needs; `element` stands for ELEMENT in it, "" where it has none.
  void need(std::string_view kernel, std::string_view element = {});

  /// Defines "static const TYPE k0[] = {…};" once for equal contents and returns its name. Bytes are counted.
  template <class T>
  std::string array(std::string_view type, const std::vector<T>& values);

  /// Adds a line to the body of NAME_run.
  void call(std::string line) { calls_ += "  " + std::move(line) + "\n"; }

  /// The kernels asked for, then the constants.
  std::string definitions() const;
  const std::string& calls() const { return calls_; }
  int64_t constant_bytes() const { return constant_bytes_; }

 private:
  std::string kernels_, constants_, calls_;
  std::set<std::string> known_kernels_;
  std::map<std::string, std::string> names_;  ///< of constants, by their definition
  int64_t constant_bytes_ = 0;
};

/// "int8_t" or "uint8_t"; throws Error(unsupported) for what is no byte.
std::string_view c_byte(DType dtype);
/// A float or double as C says it to the last bit.
std::string c_number(double value);

}  // namespace hone
