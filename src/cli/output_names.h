#pragma once

#include <string>
#include <vector>

namespace hone {

/// A file name for each output, each its own: the output's name where that is a good file name, else with "_" for what
/// is none, cut to what file systems take, and numbered where two would be the same (letters that differ in case only
/// count as the same). Without extension.
std::vector<std::string> output_file_names(const std::vector<std::string>& outputs);

}  // namespace hone
