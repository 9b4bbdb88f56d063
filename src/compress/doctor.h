#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace hone {

/// How much a finding matters.
enum class Gravity : int {
  stops,  ///< something cannot be done with this model
  harms,  ///< accuracy or speed is likely to suffer
  hint,   ///< something could be won
};
std::string_view to_string(Gravity gravity);

struct Finding {
  std::string_view check;  ///< name of its row
  Gravity gravity = Gravity::hint;
  std::string found;               ///< what, with numbers
  std::vector<std::string> nodes;  ///< where, by name; may be empty
  std::string advice;              ///< what helps: a flag or command
};

/// What the checks look at.
struct Patient {
  const Graph& given;  ///< as read
  const Graph& graph;  ///< simplified, with float weights where it can be; `given` when it holds unknown operators
  bool is_known;       ///< hone knows all operators
  bool is_integer;     ///< it computes in integers
};

/// A check: one row of a table, see doctor.cpp.
struct DoctorCheck {
  std::string_view name;
  std::string_view about;
  void (*look)(const Patient& patient, std::vector<Finding>& findings);
};
std::span<const DoctorCheck> all_doctor_checks();

/// What it would win: bytes of weights as they are, as float16 and as int8, and the share of multiply-accumulates in
/// operators that int8 takes; −1 where not known.
struct ExpectedWins {
  int64_t bytes = 0, float16_bytes = 0, int8_bytes = 0;
  double integer_macs = -1;  ///< 0…1
};

struct Diagnosis {
  std::vector<Finding> findings;  ///< gravest first, then in the order of the checks
  ExpectedWins wins;
  std::string next;  ///< the command to type next, with MODEL and DIR where names stand
};

/// Looks at a model without any data. Deterministic; takes about as long as converting it.
Diagnosis examine(const Graph& given);

}  // namespace hone
