#include "serve/infer_message.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "container/json.h"
#include "serve/datatype.h"

namespace hone {
namespace {

Signature two_inputs() {
  return {.inputs = {{"x", {DType::kF32, Shape(Dims{1, 2})}},
                     {"q", {DType::kI8, Shape(Dims{1, 2}), QuantParams::per_tensor(0.5f, 1)}}},
          .outputs = {{"y", {DType::kF32, Shape(Dims{1, 3})}}, {"z", {DType::kI8, Shape(Dims{1, 2})}}}};
}

constexpr const char* kX = R"({"name":"x","datatype":"FP32","shape":[1,2],"data":[[1,2.5]]})";
constexpr const char* kQ = R"({"name":"q","datatype":"INT8","shape":[1,2],"data":[-128,127]})";

std::string request(const std::string& inputs, const std::string& rest = "") {
  return R"({"inputs":[)" + inputs + "]" + rest + "}";
}

/// The message of the Error that the request gives, "" for none.
std::string error_of(const std::string& body, std::optional<size_t> json_size = std::nullopt) {
  try {
    parse_infer(two_inputs(), body, json_size);
  } catch (const Error& e) {
    EXPECT_NE(e.code(), ErrorCode::kInternal);
    return e.what();
  }
  return "";
}

void expect_error(const std::string& body, const std::string& part, std::optional<size_t> json_size = std::nullopt) {
  EXPECT_NE(error_of(body, json_size).find(part), std::string::npos) << body << "\n" << error_of(body, json_size);
}

TEST(InferMessage, TakesInputsInAnyOrderAndNesting) {
  const InferRequest r =
      parse_infer(two_inputs(), request(std::string(kQ) + "," + kX, R"(,"id":"7","parameters":{"timeout":1500})"), {});
  EXPECT_EQ(r.id, "7");
  EXPECT_EQ(r.timeout_us, 1500);
  EXPECT_EQ(r.inputs[0].data<float>()[1], 2.5f);
  EXPECT_EQ(r.inputs[1].data<int8_t>()[0], -128);
  EXPECT_TRUE(r.inputs[1].quant() != nullptr);
  ASSERT_EQ(r.outputs.size(), 2u);
  EXPECT_EQ(r.outputs[1].index, 1u);
}

TEST(InferMessage, PrioritiesAreKnownBeforeAnythingIsParsed) {
  EXPECT_EQ(stated_priority(R"({"parameters":{"priority":1},"inputs":[)"), 1);
  EXPECT_EQ(stated_priority("{\"parameters\": {\"priority\" :\n 3}"), 3);
  for (const char* none : {"", "{}", R"({"priority)", R"({"priority")", R"({"priority":)", R"({"priority":4})",
                           R"({"priority":10})", R"({"name":"priority"})", R"({"priority":"1"})"})
    EXPECT_EQ(stated_priority(none), 0) << none;
  const std::string inputs = std::string(kX) + "," + kQ;
  EXPECT_EQ(error_of(request(inputs, R"(,"parameters":{"priority":2})")), "");
  EXPECT_EQ(error_of(request(inputs, R"(,"parameters":{"priority":0})")), "");
  expect_error(request(inputs, R"(,"parameters":{"priority":4})"), "priority is 4, expected 1 (first) to 3");
}

TEST(InferMessage, QuantizesRealNumbersForAQuantizedInput) {
  const InferRequest r = parse_infer(
      two_inputs(), request(std::string(kX) + R"(,{"name":"q","datatype":"FP32","shape":[1,2],"data":[0,2]})"), {});
  EXPECT_EQ(r.inputs[1].data<int8_t>()[0], 1);
  EXPECT_EQ(r.inputs[1].data<int8_t>()[1], 5);
}

TEST(InferMessage, TakesBinaryTensorsFromBehindTheJson) {
  const std::string json =
      request(R"({"name":"x","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}},)"
              R"({"name":"q","datatype":"INT8","shape":[1,2],"parameters":{"binary_data_size":2}})");
  const float x[2] = {1, -1};
  std::string body = json;
  body.append(reinterpret_cast<const char*>(x), sizeof x);
  body += "\x05\xFF";
  const InferRequest r = parse_infer(two_inputs(), body, json.size());
  EXPECT_EQ(r.inputs[0].data<float>()[1], -1.0f);
  EXPECT_EQ(r.inputs[1].data<int8_t>()[1], -1);
  expect_error(body + "!", "1 bytes behind the JSON belong to no input", json.size());
  expect_error(body.substr(0, body.size() - 1), "binary_data_size is 2, 1 bytes are left", json.size());
  expect_error(body, "Inference-Header-Content-Length is 100000", 100'000);
}

TEST(InferMessage, SaysWhatIsWrongWithARequest) {
  const std::string both = std::string(kX) + "," + kQ;
  expect_error("", "json");
  expect_error("[]", "the request is no JSON object");
  expect_error("{}", "'inputs' is missing");
  expect_error(request(kX), "input 'q'");
  expect_error(request(std::string(kX) + "," + both), "given twice");
  expect_error(request(R"({"name":"w","datatype":"FP32","shape":[1],"data":[1]})"), "no input 'w', there are: x, q");
  expect_error(request(R"({"name":"x","datatype":"FP33","shape":[1,2],"data":[1,2]})"), "datatype 'FP33'");
  expect_error(request(R"({"name":"x","datatype":"INT8","shape":[1,2],"data":[1,2]})"), "the model takes FP32");
  expect_error(request(R"({"name":"x","datatype":"FP32","shape":[2,2],"data":[1,2,3,4]})"), "shape is [2, 2]");
  expect_error(request(R"({"name":"x","datatype":"FP32","shape":[1,2],"data":[1]})"), "data has 1 elements");
  expect_error(request(R"({"name":"x","datatype":"FP32","shape":[1,2],"data":[1,"a"]})"), "element 1 is \"a\"");
  expect_error(request(R"({"name":"x","datatype":"FP32","shape":[-1,2],"data":[1,2]})"), "-1");
  expect_error(request(R"({"name":"x","datatype":"FP32","shape":[4294967296,4294967296],"data":[]})"), "4294967296");
  expect_error(request(R"({"name":"q","datatype":"INT8","shape":[1,2],"data":[128,0]})"),
               "element 0 is 128, expected an integer from -128 to 127");
  expect_error(request(R"({"name":"q","datatype":"INT8","shape":[1,2],"data":[0.5,0]})"), "element 0 is 0.5");
  expect_error(request(both, R"(,"outputs":[{"name":"w"}])"), "no output 'w', there are: y, z");
  expect_error(request(both, R"(,"outputs":[{"name":"y"},{"name":"y"},{"name":"y"}])"), "more outputs");
  expect_error(request(both, R"(,"parameters":{"sequence_id":1})"), "no sequences");
  EXPECT_EQ(error_of(request(both)), "");
}

TEST(InferMessage, AnswersInJsonAndBinary) {
  const Signature s = two_inputs();
  const std::vector<Tensor> outputs = {Tensor::of<float>({1, 3}, {0.25f, std::numeric_limits<float>::infinity(), -1}),
                                       Tensor::of<int8_t>({1, 2}, {-3, 4})};
  InferRequest r;
  r.id = "a\"b";
  r.outputs = {{.index = 0}, {.index = 1, .is_binary = true}};
  const InferAnswer answer = render_infer({"m", 3}, s, r, outputs, {});
  ASSERT_TRUE(answer.json_size.has_value());
  const Json json = Json::parse(answer.body.substr(0, *answer.json_size));
  EXPECT_EQ(json.find("id")->as_string(), "a\"b");
  EXPECT_EQ(json.find("model_version")->as_string(), "3");
  const Json& y = json.find("outputs")->as_array()[0];
  EXPECT_EQ(y.find("data")->dump(), "[0.25,null,-1]");
  EXPECT_EQ(json.find("outputs")->as_array()[1].find("parameters")->find("binary_data_size")->as_int(), 2);
  EXPECT_EQ(answer.body.substr(*answer.json_size), "\xFD\x04");
}

TEST(InferMessage, ClassifiesEachRowAndNamesTheClasses) {
  InferRequest r;
  r.outputs = {{.index = 0, .classes = 2}};
  const std::vector<Tensor> outputs = {Tensor::of<float>({2, 3}, {1, 3, 2, 5, std::nanf(""), 5}), Tensor()};
  const Json json = Json::parse(render_infer({"m", 1}, two_inputs(), r, outputs, {"cat", "dog"}).body);
  const Json& y = json.find("outputs")->as_array()[0];
  EXPECT_EQ(y.find("datatype")->as_string(), "BYTES");
  EXPECT_EQ(y.find("shape")->dump(), "[2,2]");
  EXPECT_EQ(y.find("data")->dump(), R"(["3:1:dog","2:2","5:0:cat","5:2"])");
}

TEST(Datatype, EveryElementTypeSurvivesTheBinaryForm) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    const std::string bytes(static_cast<size_t>(2 * size_of(dtype)), '\1');
    const Tensor t = tensor_from_binary(bytes, dtype, {2});
    EXPECT_EQ(std::memcmp(t.raw(), bytes.data(), bytes.size()), 0);
    ASSERT_TRUE(parse_datatype(datatype_of(dtype)).has_value());
    EXPECT_EQ(size_of(*parse_datatype(datatype_of(dtype))), size_of(dtype));
  }
}

TEST(Datatype, HasNoJsonFormForHalfPrecision) {
  EXPECT_THROW(tensor_from_json(Json::array(), DType::kF16, {0}), Error);
  std::string out;
  EXPECT_THROW(append_json(out, Tensor::zeros(DType::kBF16, {1})), Error);
}

TEST(Datatype, KeepsTheLargestIntegers) {
  const Json data = Json::parse("[9223372036854775807,-9223372036854775808]");
  const Tensor t = tensor_from_json(data, DType::kI64, {2});
  EXPECT_EQ(t.data<int64_t>()[0], std::numeric_limits<int64_t>::max());
  std::string out;
  append_json(out, t);
  EXPECT_EQ(out, "[9223372036854775807,-9223372036854775808]");
}

TEST(InferMessage, RefusesMoreValuesThanTheInputsTakeBeforeItParsesThem) {
  std::string many = "1";
  for (int i = 0; i < 10000; ++i) many += ",1";
  // Broken at its end: a parser would complain of that.
  expect_error(R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[)" + many, "lists some");
}

}  // namespace
}  // namespace hone
