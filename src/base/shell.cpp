#include "base/shell.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/cancel.h"
#include "base/error.h"
#include "base/text.h"

namespace hone {

namespace {

constexpr int kTimedOut = 124;

/// In the new process: the leader of a group of its own, so that all it starts can be ended with it.
[[noreturn]] void become_shell(const char* line) {
  ::setpgid(0, 0);
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_DFL);
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; null >= 0 && fd <= 2; ++fd) ::dup2(null, fd);
  ::execl("/bin/sh", "sh", "-c", line, static_cast<char*>(nullptr));
  ::_exit(127);
}

int end(pid_t pid, int code) {
  ::kill(-pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
  return code;
}

}  // namespace

int run_shell(const std::string& line, double seconds) {
  const pid_t pid = ::fork();
  if (pid < 0) throw resource_error(cat("cannot start a process: ", std::strerror(errno)));
  if (pid == 0) become_shell(line.c_str());
  ::setpgid(pid, pid);  // whichever of the two comes first
  const auto begin = std::chrono::steady_clock::now();
  auto pause = std::chrono::microseconds(500);
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid) {
      ::kill(-pid, SIGKILL);  // what it left behind in its group
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    if (ended < 0 && errno != EINTR) throw io_error(cat("cannot wait for the command: ", std::strerror(errno)));
    if (is_cancel_requested()) {
      end(pid, 0);
      check_interrupted();
    }
    if (std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() > seconds)
      return end(pid, kTimedOut);
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(20000));
  }
}

}  // namespace hone
