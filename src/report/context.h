#pragma once

#include <string>

namespace hone {

/// What a report says of the run besides its outcome.
struct ReportContext {
  std::string command;  ///< as typed
  std::string created;  ///< ISO 8601
  std::string data_path;
  std::string cpu;  ///< model name
  std::string isa;  ///< "avx512-vnni", …
  std::string os;
  std::string tool_version;
  int threads = 1;
};

}  // namespace hone
