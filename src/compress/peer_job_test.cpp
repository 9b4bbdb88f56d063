#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "base/error.h"
#include "base/workshop.h"
#include "compress/file_forms.h"
#include "compress/job.h"
#include "formats/formats.h"
#include "ir/text.h"
#include "measure/samples.h"
#include "ops/all.h"
#include "support/peer_library.h"

/// What the runtime itself leaves behind is not ours to free.
extern "C" const char* __lsan_default_suppressions() { return "leak:libonnxruntime\nleak:libtensorflowlite"; }

namespace hone {
namespace {

constexpr std::string_view kNet = R"(graph "net" {
  input %x: f32[1,6,6,3]
  const %w: f32[8,3,3,3] = random(1)
  const %wf: f32[5,8] = random(5)
  const %axes: i64[2] = {1, 2}
  %c: f32[1,6,6,8] = Conv(%x, %w) {pads=[1, 1, 1, 1], act_min=0}
  %p: f32[1,8] = ReduceMean(%c, %axes) {keepdims=false}
  %y: f32[1,5] = FullyConnected(%p, %wf)
  output %y
})";

/// Sample i: numbers that depend on it alone.
std::vector<Tensor> sample(size_t i) {
  Tensor x = Tensor::empty(DType::kF32, {1, 6, 6, 3});
  uint64_t state = i + 1;
  for (float& v : x.mutable_data<float>()) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    v = static_cast<float>(static_cast<double>(state >> 11) * 0x1p-52 - 1);
  }
  return {x};
}

Job job_of(const Peer& peer) {
  Job job;
  job.source = source_model(parse_graph(kNet, all_ops()));
  job.calibration = {20, sample};
  job.test = {30, [](size_t i) { return sample(100 + i); }};
  job.latency_seconds = 0;
  job.calibrators = {"minmax"};
  job.mixed = false;
  job.peer = peer;
  job.formats = {std::string(peer.format)};
  return job;
}

const Engine kReference{.providers = {&reference_provider()}, .plan = {}};

/// A runtime that is hone under another name, so that what a job asks of a peer can be tested without one.
Peer stand_in() {
  return {.name = "twin", .title = "Twin 2.0", .format = "onnx", .load = [](const std::string& path, int) {
            return infer_of(read_model(path), kReference)();
          }};
}

TEST(PeerJob, JudgesAndTimesWhatThePeerRunsAndNamesIt) {
  Job job = job_of(stand_in());
  const TemporaryFolder folder;
  job.directory = folder.path() + "/out";
  const Outcome outcome = run_job(job, kReference);
  EXPECT_EQ(outcome.runtime, "Twin 2.0");
  EXPECT_EQ(outcome.metric.name, "sqnr");
  ASSERT_EQ(outcome.files.size(), 1u);
  EXPECT_EQ(outcome.files[0].file.runtime, "Twin 2.0");
  EXPECT_TRUE(outcome.files[0].is_verified) << outcome.files[0].file.problem;
  for (const Candidate& c : outcome.candidates) {
    ASSERT_EQ(c.files.size(), 1u) << c.id;
    EXPECT_EQ(c.files[0].runtime, "Twin 2.0");
    EXPECT_EQ(c.memory_bytes, 0) << "a peer does not tell";
  }
  EXPECT_TRUE(outcome.steps_before.empty()) << "hone's steps are not the peer's";
}

TEST(PeerJob, WhatThePeerRefusesIsRejectedInItsWords) {
  Peer peer = stand_in();
  peer.load = [load = peer.load](const std::string& path, int threads) -> Infer {
    for (const NodeId id : read_model(path).order())
      if (read_model(path).type(read_model(path).node(id).outputs.at(0)).is_quantized())
        throw unsupported("twin: no integers here");
    return load(path, threads);
  };
  const Outcome outcome = run_job(job_of(peer), kReference);
  const Candidate& int8 = outcome.candidates.back();
  ASSERT_EQ(int8.recipe.kind(), "int8");
  EXPECT_FALSE(int8.is_kept);
  EXPECT_EQ(int8.reason, "twin: no integers here");
  EXPECT_NE(outcome.best().recipe.kind(), "int8");
}

TEST(PeerJob, WhatThePeerAnswersDecides) {
  Peer peer = stand_in();
  peer.load = [load = peer.load](const std::string& path, int threads) -> Infer {
    const bool is_compressed = std::filesystem::file_size(path) < 900;
    return [run = load(path, threads), is_compressed, zero = std::vector<Tensor>()](auto inputs) mutable {
      const std::span<const Tensor> outputs = run(inputs);
      if (!is_compressed) return outputs;
      zero = {Tensor::zeros(DType::kF32, outputs[0].dims())};
      return std::span<const Tensor>(zero);
    };
  };
  Job job = job_of(peer);
  job.objective = Objective::kSize;
  const Outcome outcome = run_job(job, kReference);
  for (const Candidate& c : outcome.candidates)
    EXPECT_EQ(c.is_kept, c.size_bytes >= 900) << c.id << " " << c.size_bytes;
}

TEST(PeerJob, RefusesWhatThePeerCannotTell) {
  Job job = job_of(stand_in());
  job.formats = {"onnx", "tflite"};
  EXPECT_THROW(run_job(job, kReference), Error);
  job.formats = {"onnx"};
  job.objective = Objective::kMemory;
  EXPECT_THROW(run_job(job, kReference), Error);
}

class RealPeer : public ::testing::TestWithParam<const char*> {};

TEST_P(RealPeer, RunsTheWholeJob) {
  const bool is_ort = std::string_view(GetParam()) == "ort";
  const std::string library = is_ort ? testing::onnx_runtime_path() : testing::tflite_path();
  if (library.empty()) GTEST_SKIP() << GetParam() << " is not there: tests/oracle/fetch.sh gets it";
  ::setenv(is_ort ? "HONE_ORT_LIB" : "HONE_TFLITE_LIB", library.c_str(), 1);
  const Peer peer = open_peer(GetParam());
  Job job = job_of(peer);
  const TemporaryFolder folder;
  job.directory = folder.path();
  const Outcome outcome = run_job(job, kReference);
  ASSERT_EQ(outcome.files.size(), 1u);
  EXPECT_EQ(outcome.files[0].file.runtime, peer.title);
  EXPECT_TRUE(outcome.is_proven()) << outcome.files[0].file.problem;
  for (const Candidate& c : outcome.candidates) {
    EXPECT_GT(c.size_bytes, 0) << c.id << ": " << c.reason;
    EXPECT_GT(c.score.value, 20) << c.id << " dB";
  }
}

INSTANTIATE_TEST_SUITE_P(Peers, RealPeer, ::testing::Values("ort", "tflite"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace hone
