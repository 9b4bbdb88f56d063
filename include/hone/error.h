#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hone {

/// What kind of thing went wrong. Each code has one exit code of the command line and one HTTP status.
enum class ErrorCode {
  kInvalidArgument,  ///< the caller asked for something that makes no sense
  kInvalidModel,     ///< a model file or graph breaks its own rules
  kUnsupported,      ///< legal, but hone does not do it
  kNotFound,         ///< a file, name or device does not exist
  kIo,               ///< the operating system refused to read or write
  kResource,         ///< a limit on memory, time or size would be exceeded
  kCancelled,        ///< the user or the caller stopped the work
  kInternal,         ///< a bug in hone
};

/// "invalid_argument", "invalid_model", …
std::string_view to_string(ErrorCode code);

/// Exit code of the command line for `code`: 2…9 in the order of the enumeration.
int exit_code(ErrorCode code);

/// The only exception library code throws on purpose. `message` says in lower case what was found and what was
/// expected; frames, added from the inside out, say where; the hint says what to type next.
class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message, std::string hint = {});

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::vector<std::string>& frames() const { return frames_; }
  const std::string& hint() const { return hint_; }

  /// Adds where it happened, e.g. "in node 'conv_17' (onnx Conv, opset 13)". Returns itself.
  Error& add_frame(std::string frame);
  Error& set_hint(std::string hint);

  /// Message, frames and hint, one a line, indented by two spaces after the first.
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  void render();

  ErrorCode code_;
  std::string message_;
  std::vector<std::string> frames_;
  std::string hint_;
  std::string text_;
};

Error invalid_argument(std::string message, std::string hint = {});
Error invalid_model(std::string message, std::string hint = {});
Error unsupported(std::string message, std::string hint = {});
Error not_found(std::string message, std::string hint = {});
Error io_error(std::string message, std::string hint = {});
Error resource_error(std::string message, std::string hint = {});
Error cancelled(std::string message, std::string hint = {});
Error internal_error(std::string message, std::string hint = {});

/// Runs `body`; an Error that leaves it gets the frame that `frame()` returns. `frame` is called only on failure.
template <class Frame, class Body>
decltype(auto) with_context(Frame&& frame, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (Error& e) {
    e.add_frame(frame());
    throw;
  }
}

}  // namespace hone
