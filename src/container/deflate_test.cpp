#include "container/deflate.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/cancel.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace hone {
namespace {

TEST(Deflate, GivesTheSameBytesInPiecesAndIsReadByGzip) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += cat(i * 7919 % 4001, " ");
  const std::string packed = deflate(text, Deflated::gzip);
  EXPECT_EQ(deflate(text, Deflated::gzip, 777), packed);
  char folder[] = "/tmp/hone-gz-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  write_file(cat(folder, "/a"), text);
  write_file(cat(folder, "/a.gz"), packed);
  EXPECT_EQ(std::system(cat("gzip -dc ", folder, "/a.gz | cmp - ", folder, "/a").c_str()), 0);
  std::filesystem::remove_all(folder);
}

TEST(Deflate, EndsWhenItIsAskedTo) {
  request_cancel();
  EXPECT_THROW(deflate(std::string(5'000'000, 'z'), Deflated::gzip), Error);
  withdraw_cancel();
}

TEST(Deflate, IsWhatInflateReads) {
  const std::string text(100'000, 'z');
  for (const Deflated frame : {Deflated::raw, Deflated::zlib, Deflated::gzip}) {
    const std::string packed = deflate(text, frame);
    EXPECT_EQ(inflate(std::as_bytes(std::span(packed)), static_cast<int64_t>(text.size()), frame).text(), text);
  }
}

}  // namespace
}  // namespace hone
