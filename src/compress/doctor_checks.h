#pragma once

#include <vector>

#include "compress/doctor.h"

namespace hone {

// The checks of the doctor that look at numbers and at what int8 will make of them; rows of doctor.cpp.

void look_at_numbers(const Patient& p, std::vector<Finding>& findings);
void look_for_dead_channels(const Patient& p, std::vector<Finding>& findings);
/// The largest output channel of a layer sixteen times the median one.
void look_at_channels(const Patient& p, std::vector<Finding>& findings);
void look_at_units(const Patient& p, std::vector<Finding>& findings);
void look_at_tails(const Patient& p, std::vector<Finding>& findings);
void look_at_islands(const Patient& p, std::vector<Finding>& findings);
void look_at_float16(const Patient& p, std::vector<Finding>& findings);
void look_at_saturation(const Patient& p, std::vector<Finding>& findings);

}  // namespace hone
