#include "report/example.h"

namespace hone::report {

Report example_report() {
  Report r;
  r.tool_version = "0.1.0";
  r.created = "2026-03-14T09:26:53Z";
  r.command =
      "hone optimize examples/sample/model.onnx --data examples/sample/data --preprocess "
      "examples/sample/preprocess.json --max-drop 1 -o demo-out/";
  r.metric_name = "top1";
  r.metric_title = "top-1 accuracy";
  r.objective = "latency";
  r.model_name = "model.onnx";
  r.model_sha256 = "8e5fcc63ccdc779e80cbfbad1143dbb22f956024a1981f05a746ffd93bb9e22e";
  r.model_bytes = 356374;
  r.model_nodes = 44;
  r.cpu = "Intel N100";
  r.isa = "avx2";
  r.os = "Debian GNU/Linux 12";
  r.runtime = "hone";
  r.threads = 1;
  r.data_dir = "examples/sample/data";
  r.calibration_count = 160;
  r.test_count = 400;
  r.split_seed = 0;
  r.max_drop_points = 1;
  r.unseen_drop = {0.31, -0.5, 1.5};
  r.baseline = {.number = 0,
                .id = "float",
                .label = "float",
                .reason = "",
                .status = Status::kBaseline,
                .accuracy = {98.0, 96.1, 98.98},
                .samples = 400,
                .drop_points = {0, 0, 0},
                .latency_us = {412.6, 410.5, 415.1},
                .latency_p95_us = 449.7,
                .latency_p99_us = 467.7,
                .size_bytes = 345210,
                .peak_memory_bytes = 688128};
  r.candidates = {
      {.number = 1,
       .id = "fp16",
       .label = "float16 weights",
       .reason = "no faster: computes in float",
       .status = Status::kKept,
       .accuracy = {98.0, 96.1, 98.98},
       .samples = 400,
       .drop_points = {0, -0.2, 0.2},
       .latency_us = {413.8, 411.7, 416.3},
       .latency_p95_us = 451.0,
       .latency_p99_us = 469.0,
       .size_bytes = 175904,
       .peak_memory_bytes = 688128},
      {.number = 2,
       .id = "dynamic",
       .label = "dynamic range",
       .reason = "slower than static int8",
       .status = Status::kKept,
       .accuracy = {97.75, 95.78, 98.81},
       .samples = 400,
       .drop_points = {0.25, -0.3, 0.8},
       .latency_us = {301.2, 299.7, 303.0},
       .latency_p95_us = 328.3,
       .latency_p99_us = 341.4,
       .size_bytes = 98312,
       .peak_memory_bytes = 622592},
      {.number = 3,
       .id = "int8-minmax",
       .label = "int8 (minmax)",
       .reason = "drop 1.75 points exceeds the budget of 1",
       .status = Status::kRejected,
       .accuracy = {96.25, 93.91, 97.71},
       .samples = 400,
       .drop_points = {1.75, 0.5, 3.0},
       .latency_us = {152.9, 152.1, 153.8},
       .latency_p95_us = 166.7,
       .latency_p99_us = 173.4,
       .size_bytes = 98764,
       .peak_memory_bytes = 186368},
      {.number = 4,
       .id = "int8-percentile",
       .label = "int8 (percentile)",
       .reason = "same speed, lower accuracy",
       .status = Status::kKept,
       .accuracy = {97.0, 94.83, 98.28},
       .samples = 400,
       .drop_points = {1.0, 0, 2.0},
       .latency_us = {152.7, 151.9, 153.6},
       .latency_p95_us = 166.4,
       .latency_p99_us = 173.1,
       .size_bytes = 98764,
       .peak_memory_bytes = 186368},
      {.number = 5,
       .id = "int8-entropy",
       .label = "int8 (entropy)",
       .reason = "drop 1.5 points exceeds the budget of 1",
       .status = Status::kRejected,
       .accuracy = {96.5, 94.21, 97.9},
       .samples = 400,
       .drop_points = {1.5, 0.4, 2.6},
       .latency_us = {153.4, 152.6, 154.3},
       .latency_p95_us = 167.2,
       .latency_p99_us = 173.9,
       .size_bytes = 98764,
       .peak_memory_bytes = 186368},
      {.number = 6,
       .id = "int8-mse",
       .label = "int8 (mse)",
       .reason = "fastest inside the budget",
       .status = Status::kChosen,
       .accuracy = {97.75, 95.78, 98.81},
       .samples = 400,
       .drop_points = {0.25, -0.6, 1.1},
       .latency_us = {152.8, 152.0, 153.7},
       .latency_p95_us = 166.6,
       .latency_p99_us = 173.3,
       .size_bytes = 98764,
       .peak_memory_bytes = 186368},
      {.number = 7,
       .id = "int8-mse-float2",
       .label = "int8 (mse), 2 layers in float",
       .reason = "1.2× slower than int8 (mse)",
       .status = Status::kKept,
       .accuracy = {98.0, 96.1, 98.98},
       .samples = 400,
       .drop_points = {0, -0.4, 0.4},
       .latency_us = {186.1, 185.2, 187.2},
       .latency_p95_us = 202.8,
       .latency_p99_us = 210.9,
       .size_bytes = 121340,
       .peak_memory_bytes = 221184},
      {.number = 8,
       .id = "int8-mse-float4",
       .label = "int8 (mse), 4 layers in float",
       .reason = "1.5× slower than int8 (mse)",
       .status = Status::kKept,
       .accuracy = {98.0, 96.1, 98.98},
       .samples = 400,
       .drop_points = {0, -0.3, 0.3},
       .latency_us = {224.5, 223.4, 225.8},
       .latency_p95_us = 244.7,
       .latency_p99_us = 254.5,
       .size_bytes = 149120,
       .peak_memory_bytes = 294912},
      {.number = 9,
       .id = "int8-tensor",
       .label = "int8 per tensor (mse)",
       .reason = "drop 23.75 points exceeds the budget of 1",
       .status = Status::kRejected,
       .accuracy = {74.25, 69.75, 78.29},
       .samples = 400,
       .drop_points = {23.75, 19.4, 28.1},
       .latency_us = {151.9, 151.1, 152.8},
       .latency_p95_us = 165.6,
       .latency_p99_us = 172.2,
       .size_bytes = 97420,
       .peak_memory_bytes = 186368},
  };
  r.sensitivity = {
      {"features.0.conv", "conv", 24.1, false},
      {"features.1.depthwise", "depthwise_conv", 21.7, false},
      {"features.1.pointwise", "conv", 31.5, false},
      {"features.2.depthwise", "depthwise_conv", 26.9, false},
      {"features.2.pointwise", "conv", 33.8, false},
      {"features.3.depthwise", "depthwise_conv", 29.4, false},
      {"features.3.pointwise", "conv", 36.2, false},
      {"features.4.body.depthwise", "depthwise_conv", 32.6, false},
      {"features.4.body.pointwise", "conv", 37.9, false},
      {"features.4.add", "add", 35.0, false},
      {"features.5.depthwise", "depthwise_conv", 34.1, false},
      {"features.5.pointwise", "conv", 39.4, false},
      {"features.6.depthwise", "depthwise_conv", 38.2, false},
      {"features.6.pointwise", "conv", 41.7, false},
      {"pool", "global_average_pool", 46.3, false},
      {"classify", "fully_connected", 40.8, false},
      {"softmax", "softmax", 52.4, false},
  };
  r.operators = {{"Conv", 231.4, 71.2},    {"DepthwiseConv", 142.8, 58.6}, {"Add", 14.1, 8.2},
                 {"ReduceMean", 9.7, 6.1}, {"FullyConnected", 6.9, 3.0},   {"Softmax", 4.2, 4.3},
                 {"Quantize", 0, 1.1},     {"Dequantize", 0, 0.3}};
  r.classes = {
      {"crack", 100, 0.97, 0.97}, {"good", 100, 0.99, 0.99}, {"scratch", 100, 0.98, 0.97}, {"stain", 100, 0.98, 0.98}};
  r.outputs = {
      {.path = "demo-out/model.onnx",
       .sha256 = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
       .format = "onnx",
       .runtime = "hone",
       .bytes = 98764,
       .latency_us = {152.8, 152.0, 153.7},
       .accuracy = 97.75,
       .same_samples = 400,
       .samples = 400,
       .is_verified = true},
      {.path = "demo-out/model.tflite",
       .sha256 = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
       .format = "tflite",
       .runtime = "hone",
       .bytes = 101208,
       .latency_us = {152.8, 152.0, 153.7},
       .accuracy = 97.75,
       .same_samples = 399,
       .samples = 400,
       .is_verified = true},
  };
  return r;
}

}  // namespace hone::report
