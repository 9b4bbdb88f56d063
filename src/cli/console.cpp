#include "cli/console.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "base/printable.h"
#include "base/text.h"
#include "cli/table.h"

namespace hone {

namespace {

constexpr int kFileWidth = 120;  ///< of what goes to files and pipes

void end_at_once(int) {
  static constexpr char kText[] = "error: interrupted\n";
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, kText, sizeof kText - 1);
  ::_exit(2 + static_cast<int>(ErrorCode::kCancelled));
}

void on_signal(int number) {
  if (is_cancel_requested()) end_at_once(number);
  request_cancel();
  const itimerval deadline{{0, 0}, {0, 700'000}};
  ::setitimer(ITIMER_REAL, &deadline, nullptr);
}

/// Writes everything; false with errno set when that fails.
bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    text.remove_prefix(static_cast<size_t>(put));
  }
  return true;
}

int terminal_width(int fd) {
  if (const char* columns = std::getenv("COLUMNS"))
    if (const auto value = parse_int(columns); value && *value >= 20)
      return static_cast<int>(std::min<int64_t>(*value, 10000));
  winsize size{};
  if (::isatty(fd) && ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return std::max<int>(size.ws_col, 20);
  return 0;
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = end_at_once;
  ::sigaction(SIGALRM, &action, nullptr);
  // A closed pipe and a file-size limit are errors of write, not deaths.
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
}

void resume_after_interrupt() {
  const itimerval never{};
  ::setitimer(ITIMER_REAL, &never, nullptr);
  withdraw_cancel();
}

/// Redraws lines: no dumb terminal and no file.
static bool is_lively_terminal() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) && term && *term && std::string_view(term) != "dumb";
}

void Console::out(std::string_view text) {
  buffer_ += printable(text);
  if (buffer_.size() > 1 << 16) flush();
}

void Console::flush() {
  end_progress();
  std::string text;
  text.swap(buffer_);
  if (write_all(STDOUT_FILENO, text)) return;
  if (errno == EPIPE) throw ClosedOutput{};
  throw io_error(cat("cannot write to standard output: ", std::strerror(errno)));
}

void Console::note(std::string_view line) {
  end_progress();
  write_all(STDERR_FILENO, cat(printable(line), "\n"));
}

void Console::end_progress() {
  if (!has_bar_) return;
  has_bar_ = false;
  write_all(STDERR_FILENO, "\r\x1b[K");
}

int Console::width() const {
  const int width = terminal_width(STDOUT_FILENO);
  return width > 0 ? width : kFileWidth;
}

Progress Console::progress(std::string label) {
  if (is_quiet || !is_lively_terminal()) return [](int64_t, int64_t) { check_interrupted(); };
  using Clock = std::chrono::steady_clock;
  struct Bar {
    std::string label;
    Clock::time_point start = Clock::now(), drawn;
  };
  const auto bar = std::make_shared<Bar>();
  bar->label = std::move(label);
  return [this, bar](int64_t done, int64_t total) {
    check_interrupted();
    const auto now = Clock::now();
    if (total <= 0 || now - bar->drawn < std::chrono::milliseconds(100)) return;
    bar->drawn = now;
    const double part = std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0);
    const double elapsed = std::chrono::duration<double>(now - bar->start).count();
    std::string tail = cat(" ", static_cast<int64_t>(part * 100), " %");
    if (elapsed > 2 && part > 0.02) tail += cat(", ", static_cast<int64_t>(elapsed / part - elapsed + 1), " s left");
    const int width = terminal_width(STDERR_FILENO);
    write_all(STDERR_FILENO, cat("\r", progress_line(bar->label, tail, part, width > 0 ? width : 80), "\x1b[K"));
    has_bar_ = true;
  };
}

std::string progress_line(const std::string& label, const std::string& tail, double part, int width) {
  --width;  // a full line would wrap
  if (columns_of(label) + columns_of(tail) > width) return shortened(label, width - columns_of(tail)) + tail;
  const int room = std::min(width - columns_of(label) - columns_of(tail) - 3, 30);
  if (room < 5) return label + tail;
  const int filled = static_cast<int>(part * room);
  return cat(label, " [", std::string(static_cast<size_t>(filled), '#'),
             std::string(static_cast<size_t>(room - filled), ' '), "]", tail);
}

int columns_of(std::string_view text) {
  int columns = 0;
  for (const char c : text) columns += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return columns;
}

std::string wrapped(std::string_view text, int width, int indent, int start) {
  const size_t begin = std::min(text.find_first_not_of(' '), text.size());
  std::string out(text.substr(0, begin));
  int column = start + static_cast<int>(begin);
  bool is_first = true;
  for (const std::string& word : split(text.substr(begin), ' ')) {
    const int length = columns_of(word);
    if (!is_first && column + 1 + length > width) {
      out += cat("\n", std::string(static_cast<size_t>(indent), ' '));
      column = indent;
    } else if (!is_first) {
      out += ' ';
      ++column;
    }
    out += word;
    column += length;
    is_first = false;
  }
  return out;
}

}  // namespace hone
