#include "data/annotations.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "container/json.h"

namespace hone {

namespace fs = std::filesystem;

namespace {

constexpr int64_t kMostClasses = 1000;

/// The classes of the Pascal VOC challenges, as models for them count.
constexpr std::string_view kVocClasses[] = {
    "aeroplane",   "bicycle", "bird",  "boat",      "bottle", "bus",         "car",   "cat",  "chair", "cow",
    "diningtable", "dog",     "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"};

/// Boxes under their classes' names; "3" where a format has numbers.
struct Named {
  Annotation box;
  std::string name;
};
using Found = std::vector<std::vector<Named>>;

double number_of(const Json* json, const char* what) {
  if (!json || !json->is_number()) throw invalid_argument(cat("'", what, "' is missing or no number"));
  return json->as_number();
}

const Json::Array& list_of(const Json& json, const char* what) {
  const Json* list = json.find(what);
  if (!list || !list->is_array()) throw invalid_argument(cat("'", what, "' is missing or no list"));
  return list->as_array();
}

void check(const Annotation& box) {
  for (const double v : {box.left, box.top, box.right, box.bottom})
    if (!std::isfinite(v) || std::fabs(v) > 100) throw invalid_argument("a box lies far outside of its picture");
}

// ---- COCO ----

struct Picture {
  size_t sample;
  double width, height;
};

void read_coco(const Json& json, const Dataset& data, Found& found, std::vector<std::string>& classes) {
  std::map<std::string, size_t> samples;
  for (size_t i = 0; i < data.size(); ++i) samples[fs::path(data.name(i)).filename().string()] = i;
  std::map<int64_t, Picture> pictures;
  for (const Json& image : list_of(json, "images")) {
    const Json* file = image.find("file_name");
    if (!file || !file->is_string()) throw invalid_argument("an image without file_name");
    const auto at = samples.find(fs::path(file->as_string()).filename().string());
    if (at == samples.end()) continue;
    const Picture picture{at->second, number_of(image.find("width"), "width"),
                          number_of(image.find("height"), "height")};
    if (!(picture.width >= 1 && picture.height >= 1)) throw invalid_argument("an image without size");
    pictures.emplace(static_cast<int64_t>(number_of(image.find("id"), "id")), picture);
  }
  std::map<int64_t, std::string> categories;
  for (const Json& category : list_of(json, "categories")) {
    const Json* name = category.find("name");
    if (!name || !name->is_string()) throw invalid_argument("a category without name");
    categories[static_cast<int64_t>(number_of(category.find("id"), "id"))] = name->as_string();
  }
  for (const auto& [id, name] : categories) classes.push_back(name);
  for (const Json& annotation : list_of(json, "annotations")) {
    const auto picture = pictures.find(static_cast<int64_t>(number_of(annotation.find("image_id"), "image_id")));
    if (picture == pictures.end()) continue;
    const Json::Array& box = list_of(annotation, "bbox");
    if (box.size() != 4) throw invalid_argument("a bbox that is not four numbers");
    const auto category =
        categories.find(static_cast<int64_t>(number_of(annotation.find("category_id"), "category_id")));
    if (category == categories.end()) throw invalid_argument("an annotation of a category that is not listed");
    const auto& [sample, width, height] = picture->second;
    const double x = box[0].as_number(), y = box[1].as_number();
    const Json* crowd = annotation.find("iscrowd");
    found[sample].push_back(
        {{x / width, y / height, (x + box[2].as_number()) / width, (y + box[3].as_number()) / height, 0,
          crowd && crowd->is_number() && crowd->as_number() != 0},
         category->second});
  }
}

/// The first .json in `folder` that has annotations of boxes.
std::optional<std::string> coco_file(const fs::path& folder) {
  std::error_code ignored;
  std::set<std::string> names;
  for (fs::directory_iterator it(folder, ignored), end; !ignored && it != end; it.increment(ignored))
    if (lower(it->path().extension().string()) == ".json") names.insert(it->path().string());
  for (const std::string& name : names) {
    const std::string text = read_file(name);
    if (text.find("\"annotations\"") != std::string::npos && text.find("\"bbox\"") != std::string::npos) return name;
  }
  return std::nullopt;
}

// ---- VOC ----

/// What stands between <tag> and </tag> from `at` on, which is moved behind it; nothing when there is none.
std::optional<std::string_view> element(std::string_view xml, std::string_view tag, size_t& at) {
  const std::string open = cat("<", tag, ">"), close = cat("</", tag, ">");
  const size_t begin = xml.find(open, at);
  if (begin == std::string_view::npos) return std::nullopt;
  const size_t end = xml.find(close, begin);
  if (end == std::string_view::npos) throw invalid_argument(cat("<", tag, "> is not closed"));
  at = end + close.size();
  return xml.substr(begin + open.size(), end - begin - open.size());
}

std::string_view only(std::string_view xml, std::string_view tag) {
  size_t at = 0;
  const auto found = element(xml, tag, at);
  if (!found) throw invalid_argument(cat("<", tag, "> is missing"));
  return trim(*found);
}

double real(std::string_view text) {
  const auto value = parse_double(text);
  if (!value) throw invalid_argument(cat("'", text.substr(0, 20), "' is no number"));
  return *value;
}

std::vector<Named> read_voc(std::string_view xml) {
  std::vector<Named> out;
  const std::string_view size = only(xml, "size");
  const double width = real(only(size, "width")), height = real(only(size, "height"));
  if (!(width >= 1 && height >= 1)) throw invalid_argument("a picture without size");
  size_t at = 0, inner = 0;
  while (const auto object = element(xml, "object", at)) {
    const std::string_view box = only(*object, "bndbox");
    inner = 0;
    const auto difficult = element(*object, "difficult", inner);
    out.push_back({{real(only(box, "xmin")) / width, real(only(box, "ymin")) / height, real(only(box, "xmax")) / width,
                    real(only(box, "ymax")) / height, 0, difficult && trim(*difficult) == "1"},
                   std::string(only(*object, "name"))});
  }
  return out;
}

// ---- YOLO ----

std::vector<Named> read_yolo(std::string_view text) {
  std::vector<Named> out;
  int64_t number = 0;
  for (const std::string& line : split(text, '\n')) {
    ++number;
    std::vector<double> fields;
    for (const std::string& word : split(trim(line), ' '))
      if (!word.empty()) fields.push_back(real(word));
    if (fields.empty()) continue;
    if (fields.size() < 5 || fields[0] < 0 || fields[0] >= kMostClasses || fields[0] != std::floor(fields[0]))
      throw invalid_argument(cat("line ", number, ": expected class x y width height"));
    const double w = fields[3] / 2, h = fields[4] / 2;
    out.push_back({{fields[1] - w, fields[2] - h, fields[1] + w, fields[2] + h}, cat(static_cast<int64_t>(fields[0]))});
  }
  return out;
}

/// The file of that name and extension beside the picture, or in `folder` beside the pictures' folder; "" for none.
std::string beside(const fs::path& picture, const char* extension, const char* folder) {
  fs::path own = picture;
  own.replace_extension(extension);
  std::error_code ignored;
  if (fs::is_regular_file(own, ignored)) return own.string();
  const fs::path other = picture.parent_path().parent_path() / folder / own.filename();
  return fs::is_regular_file(other, ignored) ? other.string() : "";
}

template <class Read>
bool read_each(const Dataset& data, const char* extension, const char* folder, Found& found, const Read& read) {
  bool is_any = false;
  for (size_t i = 0; i < data.size(); ++i) {
    const std::string file = beside(fs::path(data.path()) / data.name(i), extension, folder);
    if (file.empty()) continue;
    is_any = true;
    const std::string text = read_file(file);
    found[i] = with_context([&] { return cat("while reading '", file, "'"); }, [&] { return read(text); });
  }
  return is_any;
}

/// Labels by name: the data's own names, else those of the format; numbers stand for themselves.
void number_classes(const Dataset& data, Found& found, Annotations& out) {
  if (!data.classes().empty()) out.classes = data.classes();
  if (out.classes.empty() && out.kind == "VOC") {
    std::set<std::string> names;
    for (const auto& boxes : found)
      for (const Named& n : boxes) names.insert(n.name);
    const bool is_challenge = std::all_of(names.begin(), names.end(), [](const std::string& name) {
      return std::find(std::begin(kVocClasses), std::end(kVocClasses), name) != std::end(kVocClasses);
    });
    if (is_challenge)
      out.classes.assign(std::begin(kVocClasses), std::end(kVocClasses));
    else
      out.classes.assign(names.begin(), names.end());
  }
  std::map<std::string, int64_t> index;
  for (size_t i = 0; i < out.classes.size(); ++i) index.emplace(out.classes[i], static_cast<int64_t>(i));
  for (const auto& boxes : found) {
    std::vector<Annotation>& list = out.of_samples.emplace_back();
    for (const Named& n : boxes) {
      const auto at = index.find(n.name);
      const auto number = out.kind == "YOLO" ? parse_int(n.name) : std::optional<int64_t>();
      if (at == index.end() && !number)
        throw invalid_argument(cat("the class '", n.name, "' of the annotations is none of --labels"));
      list.push_back(n.box);
      list.back().label = number ? *number : at->second;
      check(list.back());
    }
  }
}

}  // namespace

Annotations find_annotations(const Dataset& data) {
  Annotations out;
  if (data.kind() != "folder of files") return out;
  Found found(data.size());
  const fs::path folder(data.path());
  auto coco = coco_file(folder);
  if (!coco) coco = coco_file(folder / ".." / "annotations");
  if (coco) {
    out.kind = "COCO";
    with_context([&] { return cat("while reading '", *coco, "'"); },
                 [&] { read_coco(Json::parse(read_file(*coco)), data, found, out.classes); });
  } else if (read_each(data, ".xml", "Annotations", found, read_voc)) {
    out.kind = "VOC";
  } else if (read_each(data, ".txt", "labels", found, read_yolo)) {
    out.kind = "YOLO";
  } else {
    return out;
  }
  number_classes(data, found, out);
  return out;
}

}  // namespace hone
