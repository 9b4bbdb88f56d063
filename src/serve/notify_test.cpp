#include "serve/notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/text.h"

namespace hone {
namespace {

TEST(Notify, TellsTheManagerWhereItListens) {
  const std::string name = cat("@hone-notify-", int64_t{::getpid()});
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);
  const int manager = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  ASSERT_EQ(::bind(manager, reinterpret_cast<const sockaddr*>(&address), size), 0);
  ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  notify_manager("READY=1");
  char text[64];
  const ssize_t got = ::recv(manager, text, sizeof text, MSG_DONTWAIT);
  ASSERT_EQ(got, 7);
  EXPECT_EQ(std::string(text, 7), "READY=1");
  ::close(manager);
  notify_manager("STOPPING=1");  // nobody listens
  ::unsetenv("NOTIFY_SOCKET");
  notify_manager("STOPPING=1");  // nobody is there
}

TEST(Notify, TheWatchdogIsThisProcessesAlone) {
  EXPECT_EQ(watchdog_seconds(), 0);
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  EXPECT_EQ(watchdog_seconds(), 3);
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(watchdog_seconds(), 0);
  ::unsetenv("WATCHDOG_PID");
  ::setenv("WATCHDOG_USEC", "soon", 1);
  EXPECT_EQ(watchdog_seconds(), 0);
  ::unsetenv("WATCHDOG_USEC");
}

}  // namespace
}  // namespace hone
