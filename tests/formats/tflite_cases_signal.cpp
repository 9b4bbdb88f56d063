#include "formats/tflite_case_parts.h"

namespace hone {

namespace {

using namespace tflite_parts;

Input complex(Dims dims) { return {Input::kFed, some_floats(std::move(dims)), true}; }
Output complex_output() { return {DType::kF32, {2}, nullptr, true}; }

TfliteCase rfft(const char* name, Dims dims, int32_t height, int32_t width) {
  return {.name = name,
          .code = B::RFFT2D,
          .inputs = {floats(std::move(dims)), ints({height, width})},
          .outputs = {complex_output()},
          .options = with<fb::Rfft2dOptionsT>([](auto&) {})};
}

TfliteCase of_complex(const char* name, B code) {
  return {.name = name, .code = code, .inputs = {complex({3, 5, 2})}, .outputs = {real()}};
}

TfliteCase random_case(const char* name, B code, double tolerance) {
  return {.name = name,
          .code = code,
          .inputs = {ints({3, 4})},
          .outputs = {real()},
          .options = with<fb::RandomOptionsT>([](auto& o) { o.seed = 7; }),
          .tolerance = tolerance};
}

}  // namespace

void add_signal_cases(Cases& cases) {
  cases.push_back(rfft("rfft_of_rows", {2, 1, 8}, 1, 8));
  cases.push_back(rfft("rfft_of_planes", {2, 4, 8}, 4, 8));
  cases.push_back(rfft("rfft_that_pads_rows_and_cuts_columns", {3, 6, 5}, 4, 8));
  cases.push_back(rfft("rfft_that_keeps_the_first_row", {3, 6}, 1, 4));
  cases.push_back(of_complex("real_part", B::REAL));
  cases.push_back(of_complex("imaginary_part", B::IMAG));
  cases.push_back(of_complex("complex_abs", B::COMPLEX_ABS));
  // What is drawn differs; that it lies in the range of the distribution does not.
  cases.push_back(random_case("random_uniform", B::RANDOM_UNIFORM, 1));
  cases.push_back(random_case("random_normal", B::RANDOM_STANDARD_NORMAL, 20));
  cases.push_back({.name = "multinomial",
                   .code = B::MULTINOMIAL,
                   .inputs = {floats({2, 5}), scalar(7)},
                   .outputs = {plain(DType::kI64)},
                   .options = with<fb::RandomOptionsT>([](auto& o) { o.seed2 = 3; }),
                   .steps = 4});
}

}  // namespace hone
