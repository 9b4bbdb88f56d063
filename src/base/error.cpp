#include "base/error.h"

namespace hone {

std::string_view to_string(ErrorCode code) {
  static constexpr std::string_view kNames[] = {"invalid_argument", "invalid_model", "unsupported", "not_found", "io",
                                                "resource",         "cancelled",     "internal"};
  return kNames[static_cast<int>(code)];
}

int exit_code(ErrorCode code) { return 2 + static_cast<int>(code); }

Error::Error(ErrorCode code, std::string message, std::string hint)
    : code_(code), message_(std::move(message)), hint_(std::move(hint)) {
  render();
}

Error& Error::add_frame(std::string frame) {
  frames_.push_back(std::move(frame));
  render();
  return *this;
}

Error& Error::set_hint(std::string hint) {
  hint_ = std::move(hint);
  render();
  return *this;
}

void Error::render() {
  text_ = message_;
  for (const std::string& frame : frames_) text_ += "\n  " + frame;
  if (!hint_.empty()) text_ += "\n  hint: " + hint_;
}

Error invalid_argument(std::string m, std::string h) {
  return {ErrorCode::kInvalidArgument, std::move(m), std::move(h)};
}
Error invalid_model(std::string m, std::string h) { return {ErrorCode::kInvalidModel, std::move(m), std::move(h)}; }
Error unsupported(std::string m, std::string h) { return {ErrorCode::kUnsupported, std::move(m), std::move(h)}; }
Error not_found(std::string m, std::string h) { return {ErrorCode::kNotFound, std::move(m), std::move(h)}; }
Error io_error(std::string m, std::string h) { return {ErrorCode::kIo, std::move(m), std::move(h)}; }
Error resource_error(std::string m, std::string h) { return {ErrorCode::kResource, std::move(m), std::move(h)}; }
Error cancelled(std::string m, std::string h) { return {ErrorCode::kCancelled, std::move(m), std::move(h)}; }
Error internal_error(std::string m, std::string h) { return {ErrorCode::kInternal, std::move(m), std::move(h)}; }

}  // namespace hone
