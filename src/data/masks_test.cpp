#include "data/masks.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "data/image.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

/// A folder with pictures a.png and b.png.
struct Pictures {
  std::string root, path;
  Pictures() {
    char name[] = "/tmp/hone-masks-XXXXXX";
    root = ::mkdtemp(name);
    path = root + "/images";
    fs::create_directory(path);
    for (const char* file : {"/a.png", "/b.png"}) write_png(path + file, Tensor::zeros(DType::kU8, {4, 4, 3}));
  }
  ~Pictures() { fs::remove_all(root); }
  std::vector<std::string> found() const { return find_masks(Dataset::open(path)); }
};

TEST(Masks, StandBesideThePicturesFolder) {
  const Pictures pictures;
  EXPECT_TRUE(pictures.found().empty());
  fs::create_directory(pictures.root + "/SegmentationClass");
  write_png(pictures.root + "/SegmentationClass/b.png", Tensor::of<uint8_t>({1, 2, 1}, {7, 255}));
  const std::vector<std::string> files = pictures.found();
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0], "");
  const Mask mask = read_mask(files[1]);
  EXPECT_EQ(mask.height, 1);
  EXPECT_EQ(mask.width, 2);
  EXPECT_EQ(mask.classes, (std::vector<uint8_t>{7, Mask::kVoid}));
}

TEST(Masks, AreReadInTheMiddleOfEachCell) {
  const Mask mask{2, 4, {0, 1, 2, 3, 4, 5, 6, 7}};
  EXPECT_EQ(mask.at(0, 0, 1, 1), 6);
  EXPECT_EQ(mask.at(1, 1, 2, 2), 7);
  EXPECT_EQ(mask.at(0, 1, 4, 8), 0);
  EXPECT_EQ(mask.at(3, 7, 4, 8), 7);
}

/// A PNG of 2 × 1 pixels with a palette of 2 bits a pixel: red is place 1, blue place 2; the pixels are 2 and 1.
constexpr unsigned char kPalette[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00,
    0x00, 0x02, 0x00, 0x00, 0x00, 0x01, 0x02, 0x03, 0x00, 0x00, 0x00, 0x89, 0x4c, 0x97, 0x19, 0x00, 0x00, 0x00,
    0x09, 0x50, 0x4c, 0x54, 0x45, 0x00, 0x00, 0x00, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0x4a, 0xa5, 0xad, 0x81,
    0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x98, 0x00, 0x00, 0x00, 0x92, 0x00, 0x91,
    0x12, 0x22, 0xfb, 0x7b, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

TEST(Masks, PlacesInAPaletteAreClassesAndColoursAreNone) {
  const Pictures pictures;
  const std::string path = pictures.root + "/mask.png";
  write_file(path, std::string_view(reinterpret_cast<const char*>(kPalette), sizeof kPalette));
  EXPECT_EQ(read_mask(path).classes, (std::vector<uint8_t>{2, 1}));
  try {
    read_mask(pictures.path + "/a.png");
    FAIL() << "colours were read as classes";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("pixels are colours"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("a.png"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace hone
