#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace hone {

/// One operator on one type, as a graph that a .tflite file is to hold.
struct TfliteForm {
  std::string name;   ///< "Add i8q"
  std::string graph;  ///< text form
};

/// Every operator of the writer's rows, in every type that its inference takes: plain numbers, and quantized ones
/// ("q").
std::vector<TfliteForm> tflite_forms();

/// Inputs for a graph: the whole range of bytes that stand for reals, and small positive numbers otherwise. What is
/// made of NaN or beyond an integer's range differs from machine to machine: operators with such results get what is
/// above zero only.
std::vector<Tensor> form_inputs(const Graph& graph);

}  // namespace hone
