#include "oracle/isolated.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

#include "base/error.h"
#include "base/text.h"

namespace hone {

namespace {

[[noreturn]] void run_child(int to, const Limits& limits, const std::function<Verdict()>& body) {
  const rlimit memory{limits.memory_bytes, limits.memory_bytes}, core{0, 0};
  setrlimit(RLIMIT_AS, &memory);
  setrlimit(RLIMIT_CORE, &core);
  alarm(limits.seconds);
  Verdict verdict;
  try {
    verdict = body();
  } catch (const Error& e) {
    verdict = {Verdict::kError, e.message()};
  } catch (const std::exception& e) {
    verdict = {Verdict::kCrash, cat("exception ", e.what())};
  }
  const std::string text = std::string(1, verdict.kind) + verdict.detail;
  const bool is_told = write(to, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  _exit(is_told ? 0 : 1);
}

}  // namespace

Verdict isolated(const Limits& limits, const std::function<Verdict()>& body) {
  int ends[2];
  if (pipe(ends) != 0) throw io_error("no pipe to a process");
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) throw resource_error("no process for a path");
  if (child == 0) {
    close(ends[0]);
    run_child(ends[1], limits, body);
  }
  close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) return {Verdict::kTimeout, ""};
  if (WIFSIGNALED(status)) return {Verdict::kCrash, cat("signal ", static_cast<int64_t>(WTERMSIG(status)))};
  if (text.empty()) return {Verdict::kCrash, "the process said nothing"};
  return {static_cast<Verdict::Kind>(text[0]), text.substr(1)};
}

}  // namespace hone
