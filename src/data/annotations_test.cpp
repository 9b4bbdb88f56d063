#include "data/annotations.h"

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
    char name[] = "/tmp/hone-boxes-XXXXXX";
    root = ::mkdtemp(name);
    path = root + "/images";
    fs::create_directory(path);
    for (const char* file : {"/a.png", "/b.png"}) write_png(path + file, Tensor::zeros(DType::kU8, {4, 4, 3}));
  }
  ~Pictures() { fs::remove_all(root); }
  Annotations found(const std::string& labels = {}) const {
    return find_annotations(Dataset::open(path, {.labels = labels}));
  }
  std::string error() const {
    try {
      found();
    } catch (const Error& e) {
      return e.what();
    }
    return "none";
  }
};

void expect_box(const Annotation& a, int64_t label, bool is_unsure = false) {
  EXPECT_NEAR(a.left, 0.1, 1e-9);
  EXPECT_NEAR(a.top, 0.2, 1e-9);
  EXPECT_NEAR(a.right, 0.4, 1e-9);
  EXPECT_NEAR(a.bottom, 0.6, 1e-9);
  EXPECT_EQ(a.label, label);
  EXPECT_EQ(a.is_unsure, is_unsure);
}

TEST(Annotations, AreNoneWherePicturesStandAlone) {
  const Pictures pictures;
  EXPECT_EQ(pictures.found().kind, "");
}

TEST(Annotations, ReadCocosJsonWithCategoriesByTheirId) {
  const Pictures pictures;
  fs::create_directory(pictures.root + "/annotations");
  write_file(pictures.root + "/annotations/instances.json", R"({
    "images": [{"id": 7, "file_name": "b.png", "width": 10, "height": 20}, {"id": 8, "file_name": "other.png", "width": 1, "height": 1}],
    "categories": [{"id": 90, "name": "toothbrush"}, {"id": 1, "name": "person"}],
    "annotations": [{"image_id": 7, "category_id": 90, "bbox": [1, 4, 3, 8], "iscrowd": 1},
                    {"image_id": 8, "category_id": 1, "bbox": [0, 0, 1, 1]}]})");
  const Annotations found = pictures.found();
  EXPECT_EQ(found.kind, "COCO");
  EXPECT_EQ(found.classes, (std::vector<std::string>{"person", "toothbrush"}));
  ASSERT_EQ(found.of_samples.size(), 2u);
  EXPECT_TRUE(found.of_samples[0].empty());
  ASSERT_EQ(found.of_samples[1].size(), 1u);
  expect_box(found.of_samples[1][0], 1, true);
}

constexpr const char* kVoc = R"(<annotation><size><width>10</width><height>20</height><depth>3</depth></size>
  <object><name>dog</name><difficult>1</difficult>
    <bndbox><xmin>1</xmin><ymin>4</ymin><xmax>4</xmax><ymax>12</ymax></bndbox></object></annotation>)";

TEST(Annotations, ReadVocsXmlWithTheChallengesClasses) {
  const Pictures pictures;
  fs::create_directory(pictures.root + "/Annotations");
  write_file(pictures.root + "/Annotations/a.xml", kVoc);
  const Annotations found = pictures.found();
  EXPECT_EQ(found.kind, "VOC");
  EXPECT_EQ(found.classes.size(), 20u);
  ASSERT_EQ(found.of_samples[0].size(), 1u);
  expect_box(found.of_samples[0][0], 11, true);
}

TEST(Annotations, CountAsTheNamesOfTheModelSay) {
  const Pictures pictures;
  write_file(pictures.path + "/a.xml", kVoc);
  write_file(pictures.root + "/names.txt", "cat\ndog\n");
  expect_box(pictures.found(pictures.root + "/names.txt").of_samples[0].at(0), 1, true);
  write_file(pictures.root + "/names.txt", "cat\n");
  EXPECT_THROW(pictures.found(pictures.root + "/names.txt"), Error);
}

TEST(Annotations, ReadYolosLines) {
  const Pictures pictures;
  write_file(pictures.path + "/b.txt", "3 0.25 0.4 0.3 0.4\n\n");
  const Annotations found = pictures.found();
  EXPECT_EQ(found.kind, "YOLO");
  ASSERT_EQ(found.of_samples[1].size(), 1u);
  expect_box(found.of_samples[1][0], 3);
}

TEST(Annotations, NameFileAndPlaceOfWhatIsWrong) {
  const Pictures pictures;
  write_file(pictures.path + "/b.txt", "0 0.5 0.5 0.1 0.1\n0 0.5 0.5\n");
  EXPECT_NE(pictures.error().find("line 2: expected class x y width height"), std::string::npos) << pictures.error();
  EXPECT_NE(pictures.error().find("b.txt"), std::string::npos);
  write_file(pictures.path + "/b.txt", "0 1e9 0.5 0.1 0.1\n");
  EXPECT_NE(pictures.error().find("far outside"), std::string::npos) << pictures.error();
  write_file(pictures.path + "/b.xml", "<annotation><size><width>0</width><height>9</height></size>");
  EXPECT_NE(pictures.error().find("a picture without size"), std::string::npos) << pictures.error();
  write_file(pictures.path + "/x.json", R"({"annotations": [], "images": [{"id": 1}], "categories": "bbox"})");
  EXPECT_NE(pictures.error().find("file_name"), std::string::npos) << pictures.error();
}

}  // namespace
}  // namespace hone
