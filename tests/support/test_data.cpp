#include "support/test_data.h"

#include <cstdlib>
#include <filesystem>

namespace hone {

std::optional<std::string> test_data_dir() {
  if (const char* stated = std::getenv("HONE_TEST_DATA")) return std::string(stated);
  const std::filesystem::path beside = std::filesystem::path(HONE_SOURCE_DIR) / ".." / "shared" / "data";
  std::error_code ignored;
  if (!std::filesystem::is_directory(beside, ignored)) return std::nullopt;
  return beside.lexically_normal().string();
}

std::optional<std::string> test_data(const std::string& relative) {
  const auto dir = test_data_dir();
  if (!dir) return std::nullopt;
  std::string path = *dir + "/" + relative;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  return path;
}

std::string tests_path(const std::string& relative) { return std::string(HONE_SOURCE_DIR) + "/tests/" + relative; }

}  // namespace hone
