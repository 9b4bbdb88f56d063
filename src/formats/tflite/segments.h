#pragma once

#include "formats/tflite/read_node.h"

namespace hone::tflite {

/// SEGMENT_SUM (data: [n, …], ids: [n], sorted): rows with the same id are added; ids must be constant, because the
/// last one is the size of the result.
void read_segment_sum(ReadNode& n);

/// UNSORTED_SEGMENT_… (data: [ids…, rest…], ids, count): a segment nobody names holds the neutral element.
void read_unsorted_sum(ReadNode& n);
void read_unsorted_prod(ReadNode& n);
void read_unsorted_max(ReadNode& n);
void read_unsorted_min(ReadNode& n);

}  // namespace hone::tflite
