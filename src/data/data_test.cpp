#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "container/json.h"
#include "data/dataset.h"
#include "data/exif.h"
#include "data/image.h"
#include "data/npy.h"
#include "data/npz.h"
#include "data/preprocess.h"

namespace hone {
namespace {

/// A folder of its own that goes away with the test.
struct TempFolder {
  std::string path;
  TempFolder() {
    char name[] = "/tmp/hone-data-XXXXXX";
    path = mkdtemp(name);
  }
  ~TempFolder() { std::filesystem::remove_all(path); }
  std::string write(const std::string& name, std::string_view text) const {
    const std::string file = path + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    write_file(file, text);
    return file;
  }
};

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

Tensor parse(const std::string& text) { return parse_npy(bytes_of(text), nullptr).clone(); }

Tensor checkered(int64_t height, int64_t width) {
  Tensor t = Tensor::empty(DType::kU8, {height, width, 3});
  auto data = t.mutable_data<uint8_t>();
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<uint8_t>(i * 37);
  return t;
}

TEST(Json, KeepsOrderAndReadsBackWhatItWrites) {
  Json json;
  json["zeta"] = 1;
  json["alpha"] = Json::list(std::vector<double>{0.1, 2});
  json["text"] = "a \"quoted\"\nline";
  EXPECT_EQ(json.dump(), "{\"zeta\":1,\"alpha\":[0.1,2],\"text\":\"a \\\"quoted\\\"\\nline\"}");
  EXPECT_EQ(Json::parse(json.dump(2)).dump(), json.dump());
}

TEST(Json, RejectsDeepNestingAndSaysWhere) {
  EXPECT_NE(error_of([] { Json::parse(std::string(100000, '[')); }).find("64 levels"), std::string::npos);
  EXPECT_NE(error_of([] { Json::parse("{\"a\": }"); }).find("line 1, column 7"), std::string::npos);
}

TEST(Json, WritesOddBytesAsReplacementAndInfinityAsNull) {
  EXPECT_EQ(Json("a\xff").dump(), "\"a\\ufffd\"");
  EXPECT_EQ(Json(1.0 / 0.0).dump(), "null");
}

TEST(Npy, RoundTripsEveryType) {
  for (int d = 0; d < kDTypeCount; ++d) {
    const DType dtype = static_cast<DType>(d);
    if (dtype == DType::kBF16 || dtype == DType::kI4 || dtype == DType::kU4) continue;
    const Tensor t = cast(Tensor::of<int8_t>({2, 3}, {0, 1, 2, 3, 4, 5}), dtype);
    EXPECT_TRUE(identical(parse(npy_bytes(t)), t)) << to_string(dtype);
  }
  const Tensor scalar = Tensor::scalar<float>(2.5f);
  EXPECT_TRUE(identical(parse(npy_bytes(scalar)), scalar));
}

TEST(Npy, ReadsBigEndianAndFortranOrder) {
  std::string header = "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }\n";
  std::string file = "\x93NUMPY\x01";
  file += '\0';
  file += static_cast<char>(header.size());
  file += '\0';
  file += header;
  for (int v : {1, 2, 3, 4, 5, 6}) file += std::string{'\0', static_cast<char>(v)};
  EXPECT_EQ(to_ints(parse(file)), (std::vector<int64_t>{1, 3, 5, 2, 4, 6}));
}

TEST(Npy, NamesWhatIsWrongWithHostileFiles) {
  const std::string good = npy_bytes(Tensor::of<float>({2}, {1, 2}));
  for (size_t length = 0; length < good.size(); ++length) EXPECT_THROW(parse(good.substr(0, length)), Error) << length;
  std::string huge = good;
  huge.replace(huge.find("(2,)"), 16, "(99999999999999,");
  EXPECT_NE(error_of([&] { parse(huge); }), "no error");
  std::string odd = good;
  odd.replace(odd.find("<f4"), 3, "|O8");
  EXPECT_NE(error_of([&] { parse(odd); }).find("element type '|O8'"), std::string::npos);
}

TEST(Npz, RoundTripsAndRejectsTruncation) {
  TempFolder folder;
  const std::vector<NamedTensor> arrays{{"x", Tensor::of<float>({2, 2}, {1, 2, 3, 4})},
                                        {"y", Tensor::of<int64_t>({2}, {0, 1})}};
  const std::string path = folder.path + "/a.npz";
  write_npz(path, arrays);
  const auto back = read_npz(path);
  ASSERT_EQ(back.size(), 2u);
  EXPECT_EQ(back[1].first, "y");
  EXPECT_TRUE(identical(back[0].second, arrays[0].second));
  const std::string all = read_file(path);
  for (size_t length = 0; length < all.size(); length += 7) {
    folder.write("b.npz", all.substr(0, length));
    EXPECT_THROW(read_npz(folder.path + "/b.npz"), Error) << length;
  }
}

TEST(Npz, IsWhatPythonReadsAndADamagedArrayIsNone) {
  TempFolder folder;
  const std::string path = folder.path + "/a.npz";
  write_npz(path,
            std::vector<NamedTensor>{{"x", Tensor::of<float>({2}, {1, 2})}, {"ä/y", Tensor::zeros(DType::kU8, {99})}});
  // Python's zipfile checks sizes, checksums and names.
  const std::string check = cat("python3 -c \"import zipfile; z = zipfile.ZipFile('", path,
                                "'); assert z.testzip() is None and z.namelist() == ['x.npy', 'ä/y.npy'] and "
                                "z.getinfo('ä/y.npy').file_size == 128 + 99\"");
  EXPECT_EQ(std::system(check.c_str()), 0) << check;
  const std::string plain = folder.path + "/plain.npz";
  const std::string store = cat("python3 -c \"import zipfile; a = zipfile.ZipFile('", path, "'); b = zipfile.ZipFile('",
                                plain, "', 'w'); [b.writestr(n, a.read(n)) for n in a.namelist()]\"");
  ASSERT_EQ(std::system(store.c_str()), 0) << store;
  EXPECT_EQ(to_doubles(read_npz(plain).front().second), (std::vector<double>{1, 2}));
  std::string bytes = read_file(plain);
  bytes[bytes.find("NUMPY") + 124] ^= 1;  // in the numbers
  write_file(plain, bytes);
  EXPECT_NE(error_of([&] { read_npz(plain); }).find("checksum"), std::string::npos);
}

TEST(Npz, UnpacksOnlyWhatIsWantedAndAsksForMemoryBefore) {
  TempFolder folder;
  const std::string path = folder.path + "/a.npz";
  const std::vector<NamedTensor> arrays{{"x", Tensor::of<float>({2}, {1, 2})},
                                        {"bomb", Tensor::zeros(DType::kU8, {1 << 24})}};
  write_npz(path, arrays);
  const auto wanted = read_npz(path, [](const std::string& name) { return name == "x"; });
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].first, "x");
  set_memory_ceiling(1'000'000);  // less than this process holds
  EXPECT_EQ(read_npz(path, [](const std::string& name) { return name == "x"; }).size(), 1u);
  EXPECT_NE(error_of([&] { read_npz(path); }).find("needs 16.8 MB"), std::string::npos);
  set_memory_ceiling(0);
}

TEST(Npy, TheSizeOfTheWholeFileStandsInItsHeader) {
  const std::string file = npy_bytes(Tensor::of<float>({3}, {1, 2, 3}));
  EXPECT_EQ(npy_file_size(bytes_of(file)), static_cast<int64_t>(file.size()));
  EXPECT_EQ(npy_file_size(bytes_of(file.substr(0, 128))), static_cast<int64_t>(file.size()));
  EXPECT_EQ(npy_file_size(bytes_of(file.substr(0, 20))), 0);
}

TEST(Image, EveryOrientationPutsTheFirstPixelWhereTheStandardSays) {
  const Tensor image = Tensor::of<uint8_t>({2, 3, 1}, {1, 2, 3, 4, 5, 6});
  const auto pixels = [&](int orientation) { return to_ints(upright(image, orientation)); };
  using Pixels = std::vector<int64_t>;
  EXPECT_EQ(pixels(1), (Pixels{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(pixels(2), (Pixels{3, 2, 1, 6, 5, 4}));
  EXPECT_EQ(pixels(3), (Pixels{6, 5, 4, 3, 2, 1}));
  EXPECT_EQ(pixels(4), (Pixels{4, 5, 6, 1, 2, 3}));
  EXPECT_EQ(pixels(5), (Pixels{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(pixels(6), (Pixels{4, 1, 5, 2, 6, 3}));
  EXPECT_EQ(pixels(7), (Pixels{6, 3, 5, 2, 4, 1}));
  EXPECT_EQ(pixels(8), (Pixels{3, 6, 2, 5, 1, 4}));
  EXPECT_EQ(upright(image, 6).dims(), (Dims{3, 2, 1}));
}

TEST(Image, PngRoundTripsAndTruncationIsAnError) {
  const Tensor image = checkered(5, 7);
  const std::string png = detail::encode_png(image);
  EXPECT_TRUE(identical(decode_image(bytes_of(png)), image));
  for (size_t length = 0; length + 12 < png.size(); length += 3)
    EXPECT_THROW(decode_image(bytes_of(png.substr(0, length))), Error) << length;
}

/// An 8 × 8 grey ramp, columns 0, 32, … 224, quality 90.
constexpr char kJpeg[] =
    "\xff\xd8\xff\xe0\x00\x10\x4a\x46\x49\x46\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xdb\x00\x43\x00\x03\x02"
    "\x02\x03\x02\x02\x03\x03\x03\x03\x04\x03\x03\x04\x05\x08\x05\x05\x04\x04\x05\x0a\x07\x07\x06\x08\x0c\x0a\x0c"
    "\x0c\x0b\x0a\x0b\x0b\x0d\x0e\x12\x10\x0d\x0e\x11\x0e\x0b\x0b\x10\x16\x10\x11\x13\x14\x15\x15\x15\x0c\x0f\x17"
    "\x18\x16\x14\x18\x12\x14\x15\x14\xff\xc0\x00\x0b\x08\x00\x08\x00\x08\x01\x01\x11\x00\xff\xc4\x00\x14\x00\x01"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x06\xff\xc4\x00\x17\x10\x00\x03\x01\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x09\x45\x82\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x28\xb6\xe5"
    "\xe4\xff\xd9";

/// A JPEG's first bytes with an Exif segment that says how the camera was held.
std::string exif(char orientation, bool is_big) {
  const std::string tiff =
      is_big ? std::string("MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 19) + orientation
             : std::string("II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 18) + orientation + '\0';
  const std::string body = std::string("Exif\0\0", 6) + tiff + std::string(6, '\0');
  return "\xff\xe1" + std::string(1, '\0') + static_cast<char>(body.size() + 2) + body;
}

TEST(Image, PhotosStandUprightAsTheirExifDataSays) {
  const std::string jpeg(kJpeg, sizeof kJpeg - 1);
  const Tensor plain = decode_image(bytes_of(jpeg));
  for (const bool is_big : {false, true}) {
    std::string mirrored = jpeg;
    mirrored.insert(2, exif(2, is_big));
    EXPECT_EQ(exif_orientation(bytes_of(mirrored)), 2);
    EXPECT_TRUE(identical(decode_image(bytes_of(mirrored)), upright(plain, 2)));
    for (size_t length = 0; length < 60; ++length) exif_orientation(bytes_of(mirrored.substr(0, length)));
  }
  EXPECT_EQ(exif_orientation(bytes_of(jpeg)), 1);
}

TEST(Image, ReadsJpegAndRefusesATruncatedOne) {
  const std::string jpeg(kJpeg, sizeof kJpeg - 1);
  const Tensor image = decode_image(bytes_of(jpeg));
  ASSERT_EQ(image.dims(), (Dims{8, 8, 3}));
  for (int64_t x = 0; x < 8; ++x)
    EXPECT_NEAR(static_cast<double>(to_ints(image)[static_cast<size_t>(x * 3)]), 32.0 * static_cast<double>(x), 4);
  for (size_t length = 3; length < jpeg.size() - 4; length += 5)
    EXPECT_THROW(decode_image(bytes_of(jpeg.substr(0, length))), Error) << length;
  std::string padded = jpeg;
  padded.insert(20, 3, '\0');  // bytes between markers are harmless
  EXPECT_TRUE(identical(decode_image(bytes_of(padded)), image));
}

TEST(Image, ReadsBottomUpBmpAndRejectsClaimsBeyondTheFile) {
  std::string bmp("BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x02\0\0\0\x01\0\x18\0", 30);
  bmp.resize(54, '\0');
  bmp += std::string("\x01\x02\x03\0\x04\x05\x06\0", 8);  // rows from the bottom, blue first, padded to 4 bytes
  EXPECT_EQ(to_ints(decode_image(bytes_of(bmp))), (std::vector<int64_t>{6, 5, 4, 3, 2, 1}));
  bmp[18] = '\x7f';
  bmp[19] = '\x3f';
  EXPECT_NE(error_of([&] { decode_image(bytes_of(bmp)); }).find("do not fit"), std::string::npos);
  bmp[21] = '\x7f';
  EXPECT_NE(error_of([&] { decode_image(bytes_of(bmp)); }).find("64 million"), std::string::npos);
}

TEST(Preprocess, ReadsBackItsOwnJsonAndNamesUnknownFields) {
  const std::string json = R"({"resize":[224,224],"scale":0.0078125,"mean":[1],"layout":"NCHW","color":"BGR"})";
  EXPECT_EQ(to_json(parse_preprocess(json)), json);
  EXPECT_NE(error_of([] { parse_preprocess(R"({"sale":1})"); }).find("in field 'sale'"), std::string::npos);
  EXPECT_NE(error_of([] { parse_preprocess(R"({"crop":[0]})"); }).find("size 0"), std::string::npos);
}

TEST(Preprocess, FeedsRawPixelsToEightBitInputsByDefault) {
  const Tensor image = checkered(4, 4);
  const TensorType u8{DType::kU8, {1, 4, 4, 3}, QuantParams::per_tensor(0.0078125f, 128)};
  EXPECT_EQ(to_ints(preprocess_image(image, default_preprocess(u8), u8).with_quant(nullptr)), to_ints(image));
  const TensorType i8{DType::kI8, {1, 4, 4, 3}, QuantParams::per_tensor(1.0f / 255, -128)};
  const auto stored = to_ints(preprocess_image(image, default_preprocess(i8), i8).with_quant(nullptr));
  for (size_t i = 0; i < stored.size(); ++i) EXPECT_EQ(stored[i], to_ints(image)[i] - 128);
}

TEST(Preprocess, WritesChannelsFirstAndSwapsColours) {
  const Tensor image = Tensor::of<uint8_t>({1, 2, 3}, {1, 2, 3, 4, 5, 6});
  const TensorType type{DType::kF32, {1, 3, 1, 2}, nullptr};
  const Preprocess p = resolve_preprocess(type, {}, parse_preprocess(R"({"color":"BGR","mean":1,"std":2})"));
  EXPECT_EQ(to_doubles(preprocess_image(image, p, type)), (std::vector<double>{1, 2.5, 0.5, 2, 0, 1.5}));
}

TEST(Preprocess, PrefersMetadataToDefaultsAndTheCallerToBoth) {
  const TensorType type{DType::kF32, {1, 8, 8, 3}, nullptr};
  const std::map<std::string, std::string> metadata{{std::string(kPreprocessKey), R"({"scale":0.5,"color":"BGR"})"}};
  Preprocess over;
  over.scale = 2.0f;
  const Preprocess p = resolve_preprocess(type, metadata, over);
  EXPECT_EQ(p.scale, 2.0f);
  EXPECT_EQ(p.color, "BGR");
}

TEST(Preprocess, RefusesAResizeOutOfProportion) {
  const TensorType type{DType::kF32, Shape{1, 8, 8, 3}, nullptr};
  const Tensor picture = Tensor::zeros(DType::kU8, {12, 10, 3});
  const Preprocess p = resolve_preprocess(type, {}, parse_preprocess(R"({"resize": 4484, "crop": 8})"));
  EXPECT_THROW(preprocess_image(picture, p, type), Error);
  const Preprocess usual = resolve_preprocess(type, {}, parse_preprocess(R"({"resize": 9, "crop": 8})"));
  EXPECT_EQ(preprocess_image(picture, usual, type).dims(), (Dims{1, 8, 8, 3}));
}

TEST(Resize, UsesHalfPixelCentres) {
  const Tensor row = Tensor::of<uint8_t>({1, 2, 1}, {0, 100});
  EXPECT_EQ(to_doubles(resize_bilinear(row, 1, 4)), (std::vector<double>{0, 25, 75, 100}));
  const Tensor wide = Tensor::of<uint8_t>({1, 8, 1}, {0, 0, 0, 0, 80, 80, 80, 80});
  EXPECT_EQ(to_doubles(resize_bilinear(wide, 1, 2, false)), (std::vector<double>{0, 80}));
  const auto smooth = to_doubles(resize_bilinear(wide, 1, 2, true));
  EXPECT_GT(smooth[0], 0);
  EXPECT_LT(smooth[1], 80);
}

TEST(ConvertInput, GoesThroughTheRealNumbers) {
  const TensorType type{DType::kI8, {1, 2}, QuantParams::per_tensor(0.5f, 1)};
  EXPECT_EQ(to_doubles(convert_input(Tensor::of<float>({2}, {1.0f, -2.0f}), type)), (std::vector<double>{1, -2}));
  const TensorType real{DType::kF32, {1, 2}, nullptr};
  const Tensor stored = Tensor::of<int8_t>({1, 2}, {83, 84});
  EXPECT_EQ(to_doubles(convert_input(stored, real, QuantParams::per_tensor(0.25f, 83))),
            (std::vector<double>{0, 0.25}));
  EXPECT_NE(error_of([&] {
              convert_input(Tensor::of<float>({3}, {1, 2, 3}), real);
            }).find("f32[3]"),
            std::string::npos);
}

InputSpec float_spec(Dims dims) { return make_input_spec("x", TensorType{DType::kF32, Shape(dims), nullptr}, {}); }

TEST(ConvertInput, BytesThatAreNeitherPictureNorArrayAreSaidToBe) {
  InputSpec spec;
  spec.name = "x";
  spec.type = {DType::kF32, Shape{1, 2, 2, 3}, nullptr};
  EXPECT_EQ(load_input_bytes(std::string(48, '\0'), spec).elements(), 12);
  for (const std::string bytes : {"", "garbage", "{\"inputs\": []}"}) {
    const std::string said = error_of([&] { load_input_bytes(bytes, spec); });
    EXPECT_NE(said.find(cat("found ", bytes.size(), " bytes, the input f32[1,2,2,3] takes 48")), std::string::npos);
    EXPECT_NE(said.find("begins like no JPEG, PNG, BMP or .npy"), std::string::npos) << said;
  }
  spec.type.shape = Shape{int64_t{1} << 62};
  EXPECT_NE(error_of([&] { load_input_bytes("1234", spec); }), "");
}

TEST(Dataset, ReadsAFolderPerClassInSortedOrder) {
  TempFolder folder;
  const std::string png = detail::encode_png(checkered(4, 4));
  folder.write("cat/b.png", png);
  folder.write("cat/a.png", png);
  folder.write("ant/c.png", png);
  folder.write("ant/notes.txt", "no sample");
  const Dataset data = Dataset::open(folder.path);
  ASSERT_EQ(data.size(), 3u);
  EXPECT_EQ(data.name(0), "ant/c.png");
  EXPECT_EQ(data.name(1), "cat/a.png");
  EXPECT_EQ(data.label(2), 1);
  const std::vector<InputSpec> specs{float_spec({1, 2, 2, 3})};
  EXPECT_EQ(data.load(0, specs)[0].dims(), (Dims{1, 2, 2, 3}));
  const std::string labels = folder.write("names.lst", "cat\nant\n");
  EXPECT_EQ(Dataset::open(folder.path, {.labels = labels}).label(0), 1);
  const std::string wrong = folder.write("wrong.lst", "cat\naunt\n");
  EXPECT_NE(error_of([&] { Dataset::open(folder.path, {.labels = wrong}); }).find("did you mean 'aunt'"),
            std::string::npos);
}

TEST(Dataset, ReadsALabelsCsvWithRawFiles) {
  TempFolder folder;
  folder.write("a.bin", std::string("\x53\x54", 2));
  folder.write("y.csv", "a.bin,12,7\n");
  const Dataset data = Dataset::open(folder.path);
  ASSERT_EQ(data.size(), 1u);
  EXPECT_EQ(data.label(0), 7);
  std::vector<InputSpec> specs{float_spec({1, 2})};
  EXPECT_NE(error_of([&] { data.load(0, specs); }).find("--input-quant"), std::string::npos);
  specs[0].stored = QuantParams::per_tensor(0.5f, 83);
  EXPECT_EQ(to_doubles(data.load(0, specs)[0]), (std::vector<double>{0, 0.5}));
  folder.write("y.csv", "file,class\na.bin,dog\n");
  const std::string names = folder.write("names.txt", "cat\ncat\ndog\n");
  EXPECT_EQ(Dataset::open(folder.path, {.labels = names}).label(0), 2);
  folder.write("y.csv", "a.bin,1\na.bin,bird\n");
  EXPECT_NE(error_of([&] { Dataset::open(folder.path, {.labels = names}); }).find("line 2"), std::string::npos);
  folder.write("y.csv", "../../etc/passwd,7\n");
  EXPECT_NE(error_of([&] { Dataset::open(folder.path); }).find("not inside the folder"), std::string::npos);
}

TEST(Dataset, ACsvMayQuoteAndNamesMayHaveDots) {
  TempFolder folder;
  folder.write("a..b.bin", "xx");
  folder.write("c, d.bin", "xx");
  folder.write("y.csv", "a..b.bin,1\n\"c, d.bin\",2\n");
  EXPECT_EQ(Dataset::open(folder.path).label(1), 2);
  folder.write("y.csv", "a..b.bin,1\n\"c, d.bin,2\n");
  EXPECT_NE(error_of([&] { Dataset::open(folder.path); }).find("line 2: a quote is not closed"), std::string::npos);
}

TEST(Dataset, ResultsOfAnEarlierRunAreNoClass) {
  TempFolder folder;
  folder.write("cat/1.bin", "xx");
  folder.write("out/report.json", "{}");
  folder.write("out/report.html", "");
  folder.write("out/model.bin", "xx");
  EXPECT_EQ(Dataset::open(folder.path).classes(), std::vector<std::string>{"cat"});
}

TEST(Dataset, ReadsArraysWithLabels) {
  TempFolder folder;
  const std::vector<NamedTensor> arrays{{"x", Tensor::of<float>({3, 2}, {1, 2, 3, 4, 5, 6})},
                                        {"y", Tensor::of<int64_t>({3}, {2, 0, 1})}};
  write_npz(folder.path + "/d.npz", arrays);
  const Dataset data = Dataset::open(folder.path + "/d.npz");
  EXPECT_EQ(data.label(0), 2);
  const std::vector<InputSpec> specs{float_spec({1, 2})};
  EXPECT_EQ(to_doubles(data.load(2, specs)[0]), (std::vector<double>{5, 6}));
}

TEST(Dataset, SplitsTheSameWayForTheSameSeed) {
  TempFolder folder;
  for (int c = 0; c < 3; ++c)
    for (int i = 0; i < 10; ++i) folder.write(cat("c", c, "/", i, ".bin"), "xx");
  const Dataset data = Dataset::open(folder.path);
  const auto [calibration, test] = data.split(6, 1);
  const auto [again, rest] = data.split(6, 1);
  ASSERT_EQ(calibration.size(), 6u);
  ASSERT_EQ(test.size(), 24u);
  int per_class[3] = {};
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(calibration.name(i), again.name(i));
    ++per_class[calibration.label(i)];
    for (size_t j = 0; j < test.size(); ++j) EXPECT_NE(calibration.name(i), test.name(j));
  }
  EXPECT_EQ(per_class[0], 2);
  EXPECT_EQ(per_class[2], 2);
}

TEST(Dataset, SaysWhatAnEmptyFolderLacks) {
  TempFolder folder;
  EXPECT_NE(error_of([&] { Dataset::open(folder.path); }).find("has no samples"), std::string::npos);
  EXPECT_NE(error_of([&] { Dataset::open(folder.path + "/none"); }).find("no such data"), std::string::npos);
}

}  // namespace
}  // namespace hone
