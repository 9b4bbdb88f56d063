#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "measure/engine.h"

namespace hone {

/// Where a command writes: results on standard output, everything else on standard error.
class Console {
 public:
  /// Writes a result, of which nothing gives the terminal orders (printable()). Throws ClosedOutput when the reader
  /// went away (`| head`), Error(io) when the disk is full.
  void out(std::string_view text);
  /// Writes a result that is no text, as it is. Throws as out().
  void bytes(std::string_view content) { buffer_ += content; }
  /// Writes what was held back; call at the end. Throws as out().
  void flush();
  /// A line for people on standard error; never throws.
  void note(std::string_view line);

  /// A bar on standard error while it is a terminal that can redraw a line and `is_quiet` is false; else only looks for
  /// interruption. The returned function throws as check_interrupted() does.
  Progress progress(std::string label);
  /// Removes the bar.
  void end_progress();

  /// Columns of the terminal: COLUMNS when set, the terminal's width, or 120 for files and pipes.
  int width() const;

  bool is_quiet = false;

 private:
  std::string buffer_;
  bool has_bar_ = false;
};

/// Thrown by Console::out when standard output was closed by its reader: the command ends quietly.
struct ClosedOutput {};

/// From now on SIGINT and SIGTERM request cancellation instead of ending the program. What does not look at the request
/// in time is ended after 0.7 s, and at once by a second signal; the exit code is that of Error(cancelled) always.
void catch_interrupts();

/// After Error(cancelled): takes the request and its deadline back, so that what is to be kept can be written.
void resume_after_interrupt();

/// "label [###   ] tail" in less than `width` columns: the bar goes first, then the middle of the label.
std::string progress_line(const std::string& label, const std::string& tail, double part, int width);

/// Columns that `text` takes: code points, as far as Latin script and symbols go.
int columns_of(std::string_view text);

/// `text` broken at spaces into lines that end at column `width` at most, each after the first indented by `indent`
/// spaces; the first begins at column `start`.
std::string wrapped(std::string_view text, int width, int indent = 0, int start = 0);

}  // namespace hone
