#include "runtime/copy_step.h"

namespace hone {

namespace {

class CopyStep : public Step {
 public:
  CopyStep(const MemoryKind* from, const MemoryKind* to) : from_(from), to_(to) {
    kernel = from ? "download" : "upload";
  }

  void run(RunContext& context) const override {
    const Tensor& in = *context.inputs[0];
    void* out = context.outputs[0]->mutable_raw();
    if (from_) return from_->download(from_->self, out, in.raw(), in.byte_size());
    to_->upload(to_->self, out, in.raw(), in.byte_size());
  }

 private:
  const MemoryKind *from_, *to_;
};

class WaitStep : public Step {
 public:
  explicit WaitStep(const MemoryKind& memory) : memory_(memory) { kernel = "wait"; }
  void run(RunContext&) const override { memory_.wait(memory_.self); }

 private:
  const MemoryKind& memory_;
};

}  // namespace

std::unique_ptr<Step> make_copy(const MemoryKind* from, const MemoryKind* to) {
  return std::make_unique<CopyStep>(from, to);
}

std::unique_ptr<Step> make_wait(const MemoryKind& memory) { return std::make_unique<WaitStep>(memory); }

}  // namespace hone
