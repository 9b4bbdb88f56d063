#include <flatbuffers/flexbuffers.h>

#include "formats/tflite_case_parts.h"

namespace hone {

namespace {

using namespace tflite_parts;

Input indices(std::initializer_list<int32_t> values, Dims dims) {
  return fed(Tensor::of<int32_t>(std::move(dims), values));
}

void add_gathers(Cases& cases) {
  cases.push_back({.name = "gather",
                   .code = B::GATHER,
                   .inputs = {floats({3, 4, 2}), indices({2, 0, 1, 1}, {2, 2})},
                   .outputs = {real()},
                   .options = with<fb::GatherOptionsT>([](auto& o) { o.axis = 1; })});
  cases.push_back({.name = "gather_batch",
                   .code = B::GATHER,
                   .inputs = {floats({2, 4, 2}), indices({2, 0, 1, 3}, {2, 2})},
                   .outputs = {real()},
                   .options = with<fb::GatherOptionsT>([](auto& o) {
                     o.axis = 1;
                     o.batch_dims = 1;
                   }),
                   .version = 5});
  cases.push_back({.name = "gather_nd",
                   .code = B::GATHER_ND,
                   .inputs = {floats({3, 4, 2}), indices({2, 0, 1, 3}, {2, 2})},
                   .outputs = {real()}});
  cases.push_back({.name = "embedding_lookup",
                   .code = B::EMBEDDING_LOOKUP,
                   .inputs = {indices({2, 0, 2}, {3}), constant(some_floats({3, 5}))},
                   .outputs = {real()}});
  cases.push_back({.name = "scatter_nd",
                   .code = B::SCATTER_ND,
                   .inputs = {indices({3, 1, 3}, {3, 1}), floats({3, 2}), ints({5, 2})},
                   .outputs = {real()}});
  cases.push_back({.name = "topk",
                   .code = B::TOPK_V2,
                   .inputs = {floats({3, 8}), scalar(3)},
                   .outputs = {real(), plain(DType::kI32)}});
  cases.push_back({.name = "arg_max",
                   .code = B::ARG_MAX,
                   .inputs = {floats({3, 8}), scalar(1)},
                   .outputs = {plain(DType::kI32)},
                   .options = with<fb::ArgMaxOptionsT>([](auto& o) { o.output_type = fb::TensorType::INT32; })});
  cases.push_back({.name = "arg_min_i8",
                   .code = B::ARG_MIN,
                   .inputs = {i8({3, 8}), scalar(0)},
                   .outputs = {plain(DType::kI64)},
                   .options = with<fb::ArgMinOptionsT>([](auto& o) { o.output_type = fb::TensorType::INT64; }),
                   .version = 2});
  cases.push_back({.name = "where",
                   .code = B::WHERE,
                   .inputs = {fed(some_ints(DType::kBool, {3, 4}, 0, 1))},
                   .outputs = {plain(DType::kI64)}});
  cases.push_back({.name = "unique",
                   .code = B::UNIQUE,
                   .inputs = {indices({3, 1, 3, 2, 1}, {5})},
                   .outputs = {plain(DType::kI32), plain(DType::kI32)},
                   .options = with<fb::UniqueOptionsT>([](auto&) {}),
                   .is_rewritable = false});
  cases.push_back(
      {.name = "one_hot",
       .code = B::ONE_HOT,
       .inputs = {indices({2, 0, 3}, {3}), scalar(4), constant(Tensor::scalar(2.0f)), constant(Tensor::scalar(-1.0f))},
       .outputs = {real()},
       .options = with<fb::OneHotOptionsT>([](auto& o) { o.axis = -1; })});
  cases.push_back({.name = "cumsum",
                   .code = B::CUMSUM,
                   .inputs = {floats({3, 4}), scalar(1)},
                   .outputs = {real()},
                   .options = with<fb::CumsumOptionsT>([](auto& o) { o.exclusive = true; })});
  cases.push_back({.name = "segment_sum",
                   .code = B::SEGMENT_SUM,
                   .inputs = {floats({4, 3}), ints({0, 0, 1, 2})},
                   .outputs = {real()}});
  cases.push_back({.name = "sparse_to_dense",
                   .code = B::SPARSE_TO_DENSE,
                   .inputs = {indices({0, 1, 2, 3}, {2, 2}), ints({3, 4}), fed(Tensor::of<float>({2}, {5.0f, 6.0f})),
                              fed(Tensor::scalar(-1.0f))},
                   .outputs = {real()},
                   .is_rewritable = false});
}

void add_reductions(Cases& cases) {
  const struct {
    const char* name;
    B code;
  } rows[] = {{"mean", B::MEAN},
              {"sum", B::SUM},
              {"reduce_prod", B::REDUCE_PROD},
              {"reduce_max", B::REDUCE_MAX},
              {"reduce_min", B::REDUCE_MIN}};
  for (const auto& row : rows)
    for (const bool keeps : {false, true})
      cases.push_back({.name = std::string(row.name) + (keeps ? "_keeps" : "_f32"),
                       .code = row.code,
                       .inputs = {floats({2, 3, 4}), ints({1, -1})},
                       .outputs = {real()},
                       .options = with<fb::ReducerOptionsT>([=](auto& o) { o.keep_dims = keeps; })});
  cases.push_back({.name = "mean_i8",
                   .code = B::MEAN,
                   .inputs = {i8({1, 5, 5, 7}), ints({1, 2})},
                   .outputs = {stored(DType::kI8, 0.015f, -2)},
                   .options = with<fb::ReducerOptionsT>([](auto&) {}),
                   .version = 2});
  cases.push_back({.name = "sum_i8",
                   .code = B::SUM,
                   .inputs = {i8({2, 5, 7}), ints({1})},
                   .outputs = {stored(DType::kI8, 0.08f, -2)},
                   .options = with<fb::ReducerOptionsT>([](auto&) {}),
                   .version = 2});
  cases.push_back({.name = "reduce_max_i8",
                   .code = B::REDUCE_MAX,
                   .inputs = {i8({2, 5, 7}), ints({1})},
                   .outputs = {stored(DType::kI8, 0.02f, 3)},
                   .options = with<fb::ReducerOptionsT>([](auto&) {}),
                   .version = 2});
  for (const B code : {B::REDUCE_ANY, B::REDUCE_ALL})
    cases.push_back({.name = code == B::REDUCE_ANY ? "reduce_any" : "reduce_all",
                     .code = code,
                     .inputs = {fed(some_ints(DType::kBool, {4, 3}, 0, 1)), ints({1})},
                     .outputs = {plain(DType::kBool)},
                     .options = with<fb::ReducerOptionsT>([](auto&) {})});
}

void add_detection(Cases& cases) {
  const Input boxes = fed(some_floats({20, 4}, 0, 1)), scores = fed(some_floats({20}, 0, 1, 6));
  const Input size = fed(Tensor::scalar(int32_t(6))), iou = fed(Tensor::scalar(0.4f)),
              least = fed(Tensor::scalar(0.2f)), sigma = fed(Tensor::scalar(0.5f));
  cases.push_back({.name = "non_max_suppression_v4",
                   .code = B::NON_MAX_SUPPRESSION_V4,
                   .inputs = {boxes, scores, constant(Tensor::scalar(int32_t(6))), iou, least},
                   .outputs = {plain(DType::kI32), plain(DType::kI32)}});
  cases.push_back({.name = "non_max_suppression_v5",
                   .code = B::NON_MAX_SUPPRESSION_V5,
                   .inputs = {boxes, scores, constant(Tensor::scalar(int32_t(6))), iou, least, sigma},
                   .outputs = {plain(DType::kI32), real(), plain(DType::kI32)}});
  for (const bool regular : {false, true})
    cases.push_back({.name = regular ? "detection_regular" : "detection_fast",
                     .code = B::CUSTOM,
                     .inputs = {floats({1, 20, 4}, -1, 1), fed(some_floats({1, 20, 4}, 0, 1, 5)),
                                constant(some_floats({20, 4}, 0.1f, 1, 3))},
                     .outputs = {real(), real(), real(), real()},
                     .options =
                         [=](fb::OperatorT& op) {
                           flexbuffers::Builder b;
                           b.Map([&] {
                             b.Int("max_detections", 5);
                             b.Int("max_classes_per_detection", 1);
                             b.Int("detections_per_class", 4);
                             b.Bool("use_regular_nms", regular);
                             b.Float("nms_score_threshold", 0.1f);
                             b.Float("nms_iou_threshold", 0.5f);
                             b.Int("num_classes", 3);
                             b.Float("y_scale", 10);
                             b.Float("x_scale", 10);
                             b.Float("h_scale", 5);
                             b.Float("w_scale", 5);
                           });
                           b.Finish();
                           op.custom_options = b.GetBuffer();
                         },
                     .custom = "TFLite_Detection_PostProcess"});
}

}  // namespace

void add_indexing_cases(Cases& cases) {
  add_gathers(cases);
  add_reductions(cases);
  add_detection(cases);
}

}  // namespace hone
