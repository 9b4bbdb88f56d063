#include "formats/tflite_case_parts.h"

namespace hone {

namespace {

using namespace tflite_parts;

std::function<void(fb::OperatorT&)> strided(int begin, int end, int ellipsis, int added, int shrunk) {
  return with<fb::StridedSliceOptionsT>([=](auto& o) {
    o.begin_mask = begin;
    o.end_mask = end;
    o.ellipsis_mask = ellipsis;
    o.new_axis_mask = added;
    o.shrink_axis_mask = shrunk;
  });
}

void add_slices(Cases& cases) {
  cases.push_back({.name = "slice",
                   .code = B::SLICE,
                   .inputs = {floats({3, 4, 5}), ints({1, 0, 2}), ints({2, -1, 3})},
                   .outputs = {real()}});
  const struct {
    const char* name;
    std::initializer_list<int32_t> begin, end, step;
    int masks[5];
  } rows[] = {{"plain", {0, 1, 0}, {2, 4, 5}, {1, 2, 3}, {0, 0, 0, 0, 0}},
              {"negative", {-1, 3, 4}, {-3, 0, -6}, {-1, -2, -1}, {0, 4, 0, 0, 0}},
              {"masks", {1, 1, 1}, {2, 2, 2}, {1, 1, 1}, {3, 5, 0, 0, 0}},
              {"shrink", {1, 0, -1}, {2, 3, 0}, {1, 1, 1}, {0, 0, 0, 0, 5}},
              {"ellipsis", {0, 0, 1}, {0, 0, 3}, {1, 1, 1}, {0, 0, 2, 0, 1}},
              {"new_axis", {0, 1, 0, 0}, {0, 3, 0, 2}, {1, 1, 1, 1}, {0, 4, 4, 1, 0}}};
  for (const auto& r : rows)
    cases.push_back({.name = std::string("strided_slice_") + r.name,
                     .code = B::STRIDED_SLICE,
                     .inputs = {floats({3, 4, 5}), ints(r.begin), ints(r.end), ints(r.step)},
                     .outputs = {real()},
                     .options = strided(r.masks[0], r.masks[1], r.masks[2], r.masks[3], r.masks[4])});
  const auto places = [](std::initializer_list<int32_t> values) {
    return fed(Tensor::of<int32_t>({static_cast<int64_t>(values.size())}, values));
  };
  cases.push_back({.name = "strided_slice_at_places_of_run_time",
                   .code = B::STRIDED_SLICE,
                   .inputs = {floats({3, 4, 5}), places({1, 3}), places({2, 0}), ints({1, -2})},
                   .outputs = {real()},
                   .options = strided(0, 1, 0, 0, 0)});
  cases.push_back({.name = "strided_slice_that_drops_an_axis_at_run_time",
                   .code = B::STRIDED_SLICE,
                   .inputs = {floats({3, 4, 5}), places({-1, 2}), places({0, 3}), ints({1, 1})},
                   .outputs = {real()},
                   .options = strided(2, 0, 0, 0, 1)});
  cases.push_back({.name = "broadcast_args",
                   .code = B::BROADCAST_ARGS,
                   .inputs = {places({2, 1, 3}), places({4, 1})},
                   .outputs = {plain(DType::kI32)}});
  cases.push_back({.name = "strided_slice_i8",
                   .code = B::STRIDED_SLICE,
                   .inputs = {i8({3, 4, 5}), ints({0, 1, 0}), ints({2, 4, 5}), ints({1, 2, 3})},
                   .outputs = {stored(DType::kI8, 0.02f, 3)},
                   .options = strided(0, 0, 0, 0, 0),
                   .version = 2});
}

void add_splits(Cases& cases) {
  cases.push_back({.name = "split",
                   .code = B::SPLIT,
                   .inputs = {scalar(1), floats({2, 6, 3})},
                   .outputs = {real(), real(), real()},
                   .options = with<fb::SplitOptionsT>([](auto& o) { o.num_splits = 3; })});
  cases.push_back({.name = "split_v",
                   .code = B::SPLIT_V,
                   .inputs = {floats({2, 6, 3}), ints({1, -1, 2}), scalar(1)},
                   .outputs = {real(), real(), real()},
                   .options = with<fb::SplitVOptionsT>([](auto& o) { o.num_splits = 3; })});
  cases.push_back({.name = "pack",
                   .code = B::PACK,
                   .inputs = {floats({2, 3}), floats({2, 3}, 0, 1)},
                   .outputs = {real()},
                   .options = with<fb::PackOptionsT>([](auto& o) {
                     o.values_count = 2;
                     o.axis = 1;
                   })});
  cases.push_back({.name = "unpack",
                   .code = B::UNPACK,
                   .inputs = {floats({2, 3, 4})},
                   .outputs = {real(), real(), real()},
                   .options = with<fb::UnpackOptionsT>([](auto& o) {
                     o.num = 3;
                     o.axis = 1;
                   })});
  const auto axis = with<fb::ConcatenationOptionsT>([](auto& o) { o.axis = -1; });
  cases.push_back({.name = "concatenation_f32",
                   .code = B::CONCATENATION,
                   .inputs = {floats({2, 3}), floats({2, 5}, 0, 1)},
                   .outputs = {real()},
                   .options = axis});
  cases.push_back({.name = "concatenation_i8",
                   .code = B::CONCATENATION,
                   .inputs = {i8({2, 3}), i8({2, 5})},
                   .outputs = {stored(DType::kI8, 0.02f, 3)},
                   .options = axis,
                   .version = 2});
  cases.push_back(
      {.name = "concatenation_u8_rescales",
       .code = B::CONCATENATION,
       .inputs = {fed(some_stored(DType::kU8, {2, 30}, 0.02f, 3)), fed(some_stored(DType::kU8, {2, 50}, 0.04f, 90))},
       .outputs = {stored(DType::kU8, 0.05f, 60)},
       .options = axis,
       .steps = 1});
}

void add_pads(Cases& cases) {
  const Input amounts = constant(Tensor::of<int32_t>({3, 2}, {1, 0, 0, 2, 1, 1}));
  cases.push_back({.name = "pad_f32", .code = B::PAD, .inputs = {floats({2, 3, 4}), amounts}, .outputs = {real()}});
  cases.push_back({.name = "pad_i8",
                   .code = B::PAD,
                   .inputs = {i8({2, 3, 4}), amounts},
                   .outputs = {stored(DType::kI8, 0.02f, 3)},
                   .version = 2});
  cases.push_back({.name = "pad_v2",
                   .code = B::PADV2,
                   .inputs = {floats({2, 3, 4}), amounts, constant(Tensor::of<float>({1}, {5.0f}))},
                   .outputs = {real()}});
  for (const bool repeats : {false, true})
    cases.push_back({.name = repeats ? "mirror_pad_symmetric" : "mirror_pad_reflect",
                     .code = B::MIRROR_PAD,
                     .inputs = {floats({3, 4, 5}), amounts},
                     .outputs = {real()},
                     .options = with<fb::MirrorPadOptionsT>([=](auto& o) {
                       o.mode = repeats ? fb::MirrorPadMode::SYMMETRIC : fb::MirrorPadMode::REFLECT;
                     })});
}

void add_shapes(Cases& cases) {
  cases.push_back(
      {.name = "reshape", .code = B::RESHAPE, .inputs = {floats({2, 3, 4}), ints({4, -1})}, .outputs = {real()}});
  cases.push_back({.name = "reshape_i8_of_another_scale",
                   .code = B::RESHAPE,
                   .inputs = {i8({2, 3, 4}), ints({4, -1})},
                   .outputs = {stored(DType::kI8, 0.05f, -7)}});
  cases.push_back({.name = "reshape_by_options",
                   .code = B::RESHAPE,
                   .inputs = {floats({2, 3, 4})},
                   .outputs = {real()},
                   .options = with<fb::ReshapeOptionsT>([](auto& o) {
                     o.new_shape = {6, 4};
                   })});
  cases.push_back(
      {.name = "expand_dims", .code = B::EXPAND_DIMS, .inputs = {floats({2, 3}), scalar(-1)}, .outputs = {real()}});
  cases.push_back({.name = "squeeze",
                   .code = B::SQUEEZE,
                   .inputs = {floats({1, 3, 1, 2})},
                   .outputs = {real()},
                   .options = with<fb::SqueezeOptionsT>([](auto& o) { o.squeeze_dims = {2}; })});
  cases.push_back(
      {.name = "transpose", .code = B::TRANSPOSE, .inputs = {floats({2, 3, 4}), ints({2, 0, 1})}, .outputs = {real()}});
  cases.push_back({.name = "tile", .code = B::TILE, .inputs = {floats({2, 3}), ints({2, 3})}, .outputs = {real()}});
  cases.push_back({.name = "broadcast_to",
                   .code = B::BROADCAST_TO,
                   .inputs = {floats({3, 1}), ints({2, 3, 4})},
                   .outputs = {real()},
                   .version = 2});
  cases.push_back(
      {.name = "reverse", .code = B::REVERSE_V2, .inputs = {floats({2, 3, 4}), ints({1})}, .outputs = {real()}});
  cases.push_back({.name = "reverse_sequence",
                   .code = B::REVERSE_SEQUENCE,
                   .inputs = {floats({3, 4, 2}), ints({2, 4, 1})},
                   .outputs = {real()},
                   .options = with<fb::ReverseSequenceOptionsT>([](auto& o) {
                     o.seq_dim = 1;
                     o.batch_dim = 0;
                   })});
  cases.push_back({.name = "depth_to_space",
                   .code = B::DEPTH_TO_SPACE,
                   .inputs = {floats({1, 2, 3, 8})},
                   .outputs = {real()},
                   .options = with<fb::DepthToSpaceOptionsT>([](auto& o) { o.block_size = 2; })});
  cases.push_back({.name = "space_to_depth",
                   .code = B::SPACE_TO_DEPTH,
                   .inputs = {floats({1, 4, 6, 2})},
                   .outputs = {real()},
                   .options = with<fb::SpaceToDepthOptionsT>([](auto& o) { o.block_size = 2; })});
  cases.push_back({.name = "space_to_batch",
                   .code = B::SPACE_TO_BATCH_ND,
                   .inputs = {floats({1, 3, 4, 2}), ints({2, 2}), constant(Tensor::of<int32_t>({2, 2}, {1, 0, 0, 0}))},
                   .outputs = {real()}});
  cases.push_back({.name = "batch_to_space",
                   .code = B::BATCH_TO_SPACE_ND,
                   .inputs = {floats({4, 2, 2, 2}), ints({2, 2}), constant(Tensor::of<int32_t>({2, 2}, {1, 0, 0, 1}))},
                   .outputs = {real()}});
  cases.push_back({.name = "shape",
                   .code = B::SHAPE,
                   .inputs = {floats({2, 3, 4})},
                   .outputs = {plain(DType::kI32)},
                   .options = with<fb::ShapeOptionsT>([](auto& o) { o.out_type = fb::TensorType::INT32; })});
  cases.push_back({.name = "rank", .code = B::RANK, .inputs = {floats({2, 3, 4})}, .outputs = {plain(DType::kI32)}});
  cases.push_back(
      {.name = "fill", .code = B::FILL, .inputs = {ints({2, 3}), fed(Tensor::scalar(2.5f))}, .outputs = {real()}});
  cases.push_back({.name = "range",
                   .code = B::RANGE,
                   .inputs = {fed(Tensor::scalar(int32_t(2))), fed(Tensor::scalar(int32_t(11))), scalar(3)},
                   .outputs = {plain(DType::kI32)}});
  cases.push_back({.name = "matrix_diag", .code = B::MATRIX_DIAG, .inputs = {floats({2, 3})}, .outputs = {real()}});
  cases.push_back({.name = "matrix_set_diag",
                   .code = B::MATRIX_SET_DIAG,
                   .inputs = {floats({2, 3, 3}), floats({2, 3}, 5, 9)},
                   .outputs = {real()}});
}

void add_resizes(Cases& cases) {
  for (const int mode : {0, 1, 2}) {
    const std::string suffix = mode == 0 ? "" : mode == 1 ? "_aligned" : "_half_pixel";
    cases.push_back({.name = "resize_bilinear" + suffix,
                     .code = B::RESIZE_BILINEAR,
                     .inputs = {floats({1, 3, 4, 2}), ints({7, 5})},
                     .outputs = {real()},
                     .options = with<fb::ResizeBilinearOptionsT>([=](auto& o) {
                       o.align_corners = mode == 1;
                       o.half_pixel_centers = mode == 2;
                     }),
                     .version = mode == 2 ? 3 : 1});
    cases.push_back({.name = "resize_nearest" + suffix,
                     .code = B::RESIZE_NEAREST_NEIGHBOR,
                     .inputs = {floats({1, 3, 4, 2}), ints({7, 5})},
                     .outputs = {real()},
                     .options = with<fb::ResizeNearestNeighborOptionsT>([=](auto& o) {
                       o.align_corners = mode == 1;
                       o.half_pixel_centers = mode == 2;
                     }),
                     .version = mode == 2 ? 3 : 1});
  }
  cases.push_back({.name = "resize_bilinear_i8",
                   .code = B::RESIZE_BILINEAR,
                   .inputs = {i8({1, 3, 4, 2}), ints({7, 5})},
                   .outputs = {stored(DType::kI8, 0.02f, 3)},
                   .options = with<fb::ResizeBilinearOptionsT>([](auto& o) { o.half_pixel_centers = true; }),
                   .version = 3,
                   .steps = 1});
  cases.push_back({.name = "resize_bilinear_i8_of_another_scale",
                   .code = B::RESIZE_BILINEAR,
                   .inputs = {i8({1, 3, 4, 2}), ints({7, 5})},
                   .outputs = {stored(DType::kI8, 0.05f, -7)},
                   .version = 2,
                   .steps = 1});
  cases.push_back({.name = "resize_nearest_i8_of_another_scale",
                   .code = B::RESIZE_NEAREST_NEIGHBOR,
                   .inputs = {i8({1, 3, 4, 2}), ints({7, 5})},
                   .outputs = {stored(DType::kI8, 0.05f, -7)},
                   .version = 2});
}

}  // namespace

void add_movement_cases(Cases& cases) {
  add_slices(cases);
  add_splits(cases);
  add_pads(cases);
  add_shapes(cases);
  add_resizes(cases);
}

}  // namespace hone
