#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hone::torch {

/// The language in which TorchScript is stored: a part of Python as torch/csrc/jit/serialization/python_print.cpp
/// writes it. Sources are parsed whole before anything of them runs.

struct Expr {
  enum class Kind {
    name,         ///< `text`
    attribute,    ///< parts[0].text
    call,         ///< parts[0](parts[1], …); `keywords[i]` names parts[i + 1], "" for one by place
    subscript,    ///< parts[0][parts[1]]
    list,         ///< of parts
    tuple,        ///< of parts
    dict,         ///< parts: key, value, key, value, …
    integer,      ///< `integer`
    real,         ///< `real`
    text,         ///< `text`
    conditional,  ///< parts[0] if parts[1] else parts[2]
    negative,     ///< -parts[0]
  };
  Kind kind = Kind::name;
  std::string text = {};
  int64_t integer = 0;
  double real = 0;
  std::vector<Expr> parts = {};
  std::vector<std::string> keywords = {};
};

struct Statement {
  enum class Kind { expression, assign, block, branch, loop_while, loop_for, give, pass };
  Kind kind = Kind::pass;
  int line = 0;
  /// expression: value; assign: targets, the value last; branch, loop_while: condition; loop_for: target, what is
  /// walked; give (return): value or nothing.
  std::vector<Expr> exprs = {};
  std::vector<Statement> body = {}, otherwise = {};
};

struct Parameter {
  std::string name;
  std::optional<Expr> type = {}, initial = {};
};

struct Function {
  std::string name;
  std::vector<Parameter> parameters;
  std::vector<Statement> body;
};

struct Class {
  std::string name, base;
  std::vector<std::string> fields;  ///< in order, of named tuples
  std::map<std::string, Function, std::less<>> methods;
};

struct Source {
  std::map<std::string, Class, std::less<>> classes;
  std::map<std::string, Function, std::less<>> functions;
};

/// Throws Error(invalid_model) that names line and column of what it does not take; at most 64 levels deep.
Source parse_source(std::string_view text);

}  // namespace hone::torch
