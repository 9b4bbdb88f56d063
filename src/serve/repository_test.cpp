#include "serve/repository.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/formats.h"
#include "providers/cpu/provider.h"
#include "serve/golden.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

/// y = x · `factor`, as a text model.
std::string model_text(double factor) {
  return cat("graph \"m\" {\n  input %x: f32[2]\n  const %k: f32[2] = fill(", factor,
             ")\n  %y: f32[2] = Mul(%x, %k)\n  output %y\n}\n");
}

class RepositoryTest : public ::testing::Test {
 protected:
  RepositoryTest() {
    char name[] = "/tmp/hone-serve-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~RepositoryTest() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return cat(folder_, "/", name); }
  void write(const std::string& name, const std::string& text) {
    make_directory(fs::path(path(name)).parent_path().string());
    write_file(path(name), text);
  }
  Repository repository(std::vector<std::string> paths) {
    return Repository({.paths = std::move(paths)}, [](const std::string& p) { return read_model(p); },
                      {.providers = {&cpu_provider()}});
  }
  /// What the model answers to 1.
  static float answer(const Repository& r, const std::string& name) {
    const auto model = r.find(name);
    const Tensor x = Tensor::of<float>({2}, {1, 1});
    return model->session(0).run(std::span(&x, 1))[0].data<float>()[0];
  }
  static std::string reason(const Repository& r) {
    for (const VersionState& state : r.index())
      if (!state.is_ready) return state.reason;
    return "";
  }

  std::string folder_;
};

TEST_F(RepositoryTest, ServesFilesFoldersOfVersionsAndFoldersOfThose) {
  write("a.hone", model_text(2));
  write("many/b/1/model.hone", model_text(3));
  write("many/b/12/model.hone", model_text(4));
  write("many/b/notes/read.me", "no version");
  write("many/c.hone", model_text(5));
  Repository r = repository({path("a.hone"), path("many"), cat("d=", path("many/b/"))});
  EXPECT_FALSE(r.is_ready());
  r.scan();
  EXPECT_TRUE(r.is_ready());
  EXPECT_EQ(r.names(), (std::vector<std::string>{"a", "b", "c", "d"}));
  EXPECT_EQ(answer(r, "a"), 2);
  EXPECT_EQ(answer(r, "b"), 4);
  EXPECT_EQ(r.find("b")->version, 12);
  EXPECT_EQ(r.find("b", 12)->version, 12);
  EXPECT_THROW(r.find("b", 1), Error);
  EXPECT_THROW(r.find("nobody"), Error);
}

TEST_F(RepositoryTest, ANewVersionTakesOverAndOneThatFailsDoesNot) {
  write("m/1/model.hone", model_text(1));
  Repository r = repository({path("m")});
  r.scan();
  const auto old = r.find("m");
  write("m/2/model.hone", model_text(2));
  r.scan();
  EXPECT_EQ(answer(r, "m"), 2);
  EXPECT_EQ(old->version, 1) << "who began with it keeps it";
  write("m/3/model.hone", "graph \"broken");
  r.scan();
  EXPECT_EQ(answer(r, "m"), 2);
  EXPECT_TRUE(r.is_ready());
  EXPECT_NE(reason(r), "");
  write("m/3/model.hone", model_text(3));
  r.scan();
  EXPECT_EQ(answer(r, "m"), 3);
  EXPECT_EQ(reason(r), "");
  fs::remove_all(path("m/3"));
  r.scan();
  EXPECT_EQ(answer(r, "m"), 2) << "a version that is taken away gives way to the one before";
  fs::remove_all(path("m"));
  r.scan();
  EXPECT_EQ(answer(r, "m"), 2) << "the last good one serves on";
}

TEST_F(RepositoryTest, AFileThatIsReplacedIsTheNextVersion) {
  write("m.hone", model_text(1));
  Repository r = repository({path("m.hone")});
  r.scan();
  EXPECT_EQ(r.find("m")->version, 1);
  r.scan();
  EXPECT_EQ(r.find("m")->version, 1);
  write("m.hone", model_text(7));
  r.scan();
  EXPECT_EQ(r.find("m")->version, 2);
  EXPECT_EQ(answer(r, "m"), 7);
}

TEST_F(RepositoryTest, GoldenSamplesAreTheGate) {
  write("m/1/model.hone", model_text(2));
  const auto program = Program::prepared(read_model(path("m/1/model.hone")), {.providers = {&cpu_provider()}});
  const std::vector<std::vector<Tensor>> inputs = {{Tensor::of<float>({2}, {1, 2})}, {Tensor::of<float>({2}, {-1, 0})}};
  const std::vector<GoldenSample> golden = make_golden(program, inputs);
  write_golden(golden_path_of(path("m/1/model.hone")), program->graph(), golden);
  EXPECT_TRUE(fs::exists(path("m/1/model.golden.npz")));
  Repository r = repository({path("m")});
  r.scan();
  EXPECT_EQ(r.find("m")->golden_samples, 2u);

  write("m/2/model.hone", model_text(2.1));
  fs::copy(path("m/1/model.golden.npz"), path("m/2/model.golden.npz"));
  r.scan();
  EXPECT_EQ(r.find("m")->version, 1);
  EXPECT_NE(reason(r).find("in output 'y' of golden sample 0"), std::string::npos) << reason(r);
  write("m/3/model.golden.npz", "no archive");
  write("m/3/model.hone", model_text(2));
  r.scan();
  EXPECT_EQ(r.find("m")->version, 1);
}

TEST_F(RepositoryTest, UnloadsAndLoadsOnRequest) {
  write("m.hone", model_text(1));
  write("n.hone", model_text(2));
  Repository r = repository({path("m.hone"), path("n.hone")});
  r.scan();
  r.unload("m");
  EXPECT_THROW(r.find("m"), Error);
  EXPECT_TRUE(r.is_ready()) << "what was unloaded on request is not waited for";
  r.scan();
  EXPECT_THROW(r.find("m"), Error);
  r.load("m");
  EXPECT_EQ(answer(r, "m"), 1);
  write("n.hone", "broken");
  EXPECT_THROW(r.load("n"), Error);
  EXPECT_EQ(answer(r, "n"), 2);
}

TEST_F(RepositoryTest, KeepsLabelsBesideTheModel) {
  write("m.hone", model_text(1));
  write("m.labels.txt", "cat\r\ndog\n");
  Repository r = repository({path("m.hone")});
  r.scan();
  EXPECT_EQ(r.find("m")->labels, (std::vector<std::string>{"cat", "dog"}));
}

TEST_F(RepositoryTest, RefusesTwoStatedModelsOfOneName) {
  write("one/model.hone", model_text(2));
  write("two/model.hone", model_text(3));
  Repository both = repository({path("one/model.hone"), path("two/model.hone")});
  EXPECT_THROW(both.scan(), Error);
  Repository named = repository({path("one/model.hone"), "other=" + path("two/model.hone")});
  named.scan();
  EXPECT_EQ(named.names(), (std::vector<std::string>{"model", "other"}));
}

}  // namespace
}  // namespace hone
