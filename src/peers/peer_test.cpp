#include "peers/peer.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/error.h"
#include "support/peer_library.h"
#include "support/test_data.h"

/// What the runtime itself leaves behind is not ours to free.
extern "C" const char* __lsan_default_suppressions() { return "leak:libonnxruntime\nleak:libtensorflowlite"; }

namespace hone {
namespace {

/// An environment variable for the time of a test.
class Variable {
 public:
  Variable(std::string_view name, const std::string& value) : name_(name) {
    if (const char* before = ::getenv(name_.c_str())) before_ = before;
    ::setenv(name_.c_str(), value.c_str(), 1);
  }
  ~Variable() { before_.empty() ? ::unsetenv(name_.c_str()) : ::setenv(name_.c_str(), before_.c_str(), 1); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  std::string name_, before_;
};

std::string error_of(std::string_view name) {
  try {
    open_peer(name);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(Peer, SaysWhatToInstallWhenItsLibraryIsNotThere) {
  for (const PeerRow* row : all_peers()) {
    const Variable nowhere(row->variable, "/nowhere/library.so");
    const std::string error = error_of(row->name);
    EXPECT_NE(error.find(std::string(row->title) + " is not installed: /nowhere/library.so"), std::string::npos)
        << error;
    EXPECT_NE(error.find(row->variable), std::string::npos) << error;
  }
}

TEST(Peer, RefusesALibraryThatIsAnotherThing) {
  for (const PeerRow* row : all_peers()) {
    const Variable other(row->variable, "libc.so.6");
    EXPECT_NE(error_of(row->name).find("the library has no "), std::string::npos) << error_of(row->name);
  }
}

TEST(Peer, ListsTheRuntimesThatThereAre) {
  EXPECT_EQ(error_of("tensorrt"), "unknown runtime 'tensorrt', expected one of hone, ort, tflite");
}

TEST(Peer, RefusesWhatIsNoModelInTheRuntimesWords) {
  for (const PeerRow* row : all_peers()) {
    const std::string library = row->name == "ort" ? testing::onnx_runtime_path() : testing::tflite_path();
    if (library.empty()) GTEST_SKIP() << row->title << " is not there: tests/oracle/fetch.sh gets it";
    const Variable here(row->variable, library);
    const Peer peer = open_peer(row->name);
    EXPECT_TRUE(peer.title.starts_with(std::string(row->title) + " ")) << peer.title;
    try {
      peer.load(tests_path("CMakeLists.txt"), 1);
      ADD_FAILURE() << peer.title << " took a text for a model";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kUnsupported) << e.what();
    }
  }
}

// XNNPACK claims the convolutions of this model and then fails to prepare them.
TEST(Peer, RunsOnItsOwnKernelsWhatXnnpackFailsToPrepareAndSaysSo) {
  const std::string library = testing::tflite_path();
  const std::string model = test_data("imagenet/mobilenet_v1_0.25_128_quant.tflite").value_or("");
  if (library.empty() || model.empty()) GTEST_SKIP() << "needs TensorFlow Lite and ../shared/data";
  const Variable here("HONE_TFLITE_LIB", library);
  const Peer peer = open_peer("tflite");
  const Infer run = peer.load(model, 1);
  const std::span<const Tensor> outputs = run(std::vector{Tensor::zeros(DType::kU8, {1, 128, 128, 3})});
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].elements(), 1001);
  if (peer.title.find("XNNPACK") != std::string::npos) {
    EXPECT_NE(peer.remark(model).find("XNNPACK fails"), std::string::npos);
  }
}

}  // namespace
}  // namespace hone
