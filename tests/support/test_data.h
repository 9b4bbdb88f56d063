#pragma once

#include <optional>
#include <string>

namespace hone {

/// The folder of real models and data: HONE_TEST_DATA, or ../shared/data beside the project. Empty when it is absent:
/// a test that needs it calls GTEST_SKIP with a reason.
std::optional<std::string> test_data_dir();

/// Path of a file in that folder; empty when the folder or the file is absent.
std::optional<std::string> test_data(const std::string& relative);

/// Path of a file in the project's tests folder.
std::string tests_path(const std::string& relative);

}  // namespace hone
