#include "data/dataset.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

#include "base/checked.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/image.h"
#include "data/npy.h"
#include "data/npz.h"

namespace hone {

namespace fs = std::filesystem;

struct detail::DatasetContent {
  std::string path, kind;
  std::vector<std::string> files;  ///< relative to path; empty for arrays
  Tensor array;                    ///< [samples, …]; does not exist for files
  std::vector<int64_t> labels;     ///< one a sample
  std::vector<std::string> classes;
};

namespace {

using Content = detail::DatasetContent;

constexpr size_t kMaxFiles = 10'000'000;

bool is_data_name(const std::string& name) {
  const std::string lowered = lower(name);
  return is_image_name(lowered) || lowered.ends_with(".npy") || lowered.ends_with(".npz") || lowered.ends_with(".bin");
}

/// What `hone optimize -o` has left inside the data is no class.
bool is_result_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path / "report.json", ignored) && fs::exists(path / "report.html", ignored);
}

struct Listing {
  std::vector<std::string> folders, files;  ///< sorted names
};

Listing list_folder(const std::string& path) {
  Listing out;
  std::error_code error;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with(".")) continue;
    std::error_code ignored;
    if (it->is_directory(ignored)) {
      if (!is_result_folder(it->path())) out.folders.push_back(name);
    } else {
      out.files.push_back(name);
    }
    if (out.files.size() > kMaxFiles) throw resource_error(cat("'", path, "' has more than ", kMaxFiles, " files"));
  }
  if (error) throw io_error(cat("cannot read folder '", path, "': ", error.message()));
  std::sort(out.folders.begin(), out.folders.end());
  std::sort(out.files.begin(), out.files.end());
  return out;
}

std::vector<std::string> read_lines(const std::string& path) {
  std::vector<std::string> lines;
  const std::string text = read_file(path);
  for (const std::string& line : split(text, '\n')) lines.emplace_back(trim(line));
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

/// Splits a line at commas; a field in double quotes may hold commas. None when a quote is not closed.
std::optional<std::vector<std::string>> csv_fields(std::string_view line) {
  std::vector<std::string> fields(1);
  bool is_quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && is_quoted && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += '"';
      ++i;
    } else if (line[i] == '"') {
      is_quoted = !is_quoted;
    } else if (line[i] == ',' && !is_quoted) {
      fields.emplace_back();
    } else {
      fields.back() += line[i];
    }
  }
  if (is_quoted) return std::nullopt;
  for (std::string& field : fields) field = trim(field);
  return fields;
}

std::vector<int64_t> labels_from(const Tensor& y, int64_t count) {
  if (y.rank() < 1 || y.dim(0) != count)
    throw invalid_argument(cat("labels of ", to_text(y.type()), " for ", count, " samples"));
  if (y.elements() == count) {
    std::vector<int64_t> labels;
    for (double v : to_doubles(y)) labels.push_back(static_cast<int64_t>(v));
    return labels;
  }
  // One-hot or probabilities: the largest wins.
  const std::vector<double> values = to_doubles(y);
  const size_t width = values.size() / static_cast<size_t>(std::max<int64_t>(count, 1));
  std::vector<int64_t> labels;
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    const auto row = values.begin() + static_cast<std::ptrdiff_t>(i * width);
    labels.push_back(std::max_element(row, row + static_cast<std::ptrdiff_t>(width)) - row);
  }
  return labels;
}

/// Reads the list of samples of each kind of data into a Content.
struct Opener {
  std::string path;
  const DatasetOptions& options;
  void read_array(Content& out, const Tensor& x, const Tensor& y) {
    if (x.rank() < 1) throw invalid_argument(cat("'", path, "': x is ", to_text(x.type()), ", expected [samples, …]"));
    out.kind = "arrays";
    out.array = x;
    if (y.exists()) out.labels = labels_from(y, x.dim(0));
    if (!y.exists() && options.labels.ends_with(".npy")) out.labels = labels_from(read_npy(options.labels), x.dim(0));
    if (out.labels.empty()) out.labels.assign(static_cast<size_t>(x.dim(0)), -1);
  }

  void read_npz_file(Content& out) {
    Tensor x, y;
    const auto is_known = [](const std::string& name) {
      return name == "x" || name == "y" || name == "x_test" || name == "y_test";
    };
    for (const auto& [name, tensor] : read_npz(path, is_known)) {
      if (name == "x" || (name == "x_test" && !x.exists())) x = tensor;
      if (name == "y" || (name == "y_test" && !y.exists())) y = tensor;
    }
    if (!x.exists())
      throw invalid_argument(cat("'", path, "' has no array x"), "save it with numpy.savez(f, x=x, y=y)");
    read_array(out, x, y);
  }

  /// Class of a CSV's last column: a number, or a name of --labels; −1 for neither.
  static int64_t class_of(const std::string& field, const std::map<std::string, int64_t>& names) {
    const auto found = names.find(field);
    return found != names.end() ? found->second : parse_int(field).value_or(-1);
  }

  /// A first line whose class is none and which names no file.
  bool is_header(const std::vector<std::string>& fields) const {
    std::error_code ignored;
    return !parse_int(fields.back()) && !is_data_name(fields.front()) &&
           !fs::exists(cat(path, "/", fields.front()), ignored);
  }

  void read_csv(Content& out, const std::string& csv) {
    out.kind = "labels csv";
    std::map<std::string, int64_t> names;
    if (!options.labels.empty() && !options.labels.ends_with(".csv"))
      for (int64_t index = 0; const std::string& name : read_lines(options.labels)) names.emplace(name, index++);
    int64_t number = 0;
    for (const std::string& line : read_lines(csv)) {
      ++number;
      if (line.empty()) continue;
      const auto parsed = csv_fields(line);
      if (!parsed) throw invalid_argument(cat("'", csv, "' line ", number, ": a quote is not closed"));
      const std::vector<std::string>& fields = *parsed;
      const int64_t label = class_of(fields.back(), names);
      if (label < 0 && number == 1 && is_header(fields)) continue;
      if (fields.size() < 2 || label < 0)
        throw invalid_argument(cat("'", csv, "' line ", number, ": found '", line.substr(0, 80),
                                   "', expected file,…,class with the class as a number, or as a name of --labels"));
      const fs::path file(fields.front());
      if (file.is_absolute() || std::find(file.begin(), file.end(), "..") != file.end())
        throw invalid_argument(cat("'", csv, "' line ", number, ": '", fields.front(), "' is not inside the folder"));
      out.files.push_back(fields.front());
      out.labels.push_back(label);
    }
  }

  void read_class_folders(Content& out, const Listing& listing) {
    out.kind = "a folder per class";
    out.classes = options.labels.empty() ? listing.folders : read_lines(options.labels);
    std::map<std::string, int64_t> index;
    for (size_t i = 0; i < out.classes.size(); ++i) index.emplace(out.classes[i], static_cast<int64_t>(i));
    for (const std::string& folder : listing.folders) {
      const auto found = index.find(folder);
      if (found == index.end()) {
        const std::string near = nearest(folder, out.classes);
        throw invalid_argument(cat("the folder '", folder, "' is no class of '", options.labels, "'"),
                               near.empty() ? "" : cat("did you mean '", near, "'?"));
      }
      for (const std::string& file : list_folder(cat(path, "/", folder)).files) {
        if (!is_data_name(file)) continue;
        out.files.push_back(cat(folder, "/", file));
        out.labels.push_back(found->second);
      }
    }
  }

  void read_folder(Content& out) {
    const Listing listing = list_folder(path);
    const auto has = [&](const char* name) {
      return std::binary_search(listing.files.begin(), listing.files.end(), name);
    };
    if (has("x.npy") && has("y.npy")) return read_array(out, read_npy(path + "/x.npy"), read_npy(path + "/y.npy"));
    if (options.labels.ends_with(".csv")) return read_csv(out, options.labels);
    std::vector<std::string> csvs;
    for (const std::string& file : listing.files)
      if (file.ends_with(".csv")) csvs.push_back(file);
    if (csvs.size() > 1 && options.labels.empty())
      throw invalid_argument(cat("'", path, "' has ", csvs.size(), " csv files"),
                             cat("say which: --labels ", path, "/", csvs[0]));
    if (csvs.size() == 1) return read_csv(out, cat(path, "/", csvs[0]));
    if (!listing.folders.empty()) return read_class_folders(out, listing);
    out.kind = "folder of files";
    for (const std::string& file : listing.files)
      if (is_data_name(file)) out.files.push_back(file);
    out.labels.assign(out.files.size(), -1);
    if (!options.labels.empty() && !options.labels.ends_with(".npy")) out.classes = read_lines(options.labels);
  }
};

bool is_archive_name(const std::string& path) {
  const std::string name = lower(path);
  return name.ends_with(".tar") || name.ends_with(".gz") || name.ends_with(".tgz") || name.ends_with(".zip") ||
         name.ends_with(".xz");
}

/// The first folder from `path` on whose folders hold samples; "" when none does within `depth` levels.
std::string folder_of_classes(const std::string& path, int depth) {
  const std::vector<std::string> folders = list_folder(path).folders;
  for (const std::string& folder : folders) {
    const std::vector<std::string> files = list_folder(cat(path, "/", folder)).files;
    if (std::any_of(files.begin(), files.end(), is_data_name)) return path;
  }
  for (const std::string& folder : folders) {
    if (depth == 0) break;
    if (std::string found = folder_of_classes((fs::path(path) / folder).string(), depth - 1); !found.empty())
      return found;
  }
  return {};
}

Error no_samples(const std::string& path) {
  constexpr int kLevels = 4;
  std::string hint = "expected images, .npy or .bin files in a folder per class, or beside a labels csv";
  std::error_code error;
  if (fs::is_directory(path, error))
    if (const std::string found = folder_of_classes(path, kLevels); !found.empty())
      hint = cat("the folders of classes lie deeper: give ", found);
  return invalid_argument(cat("'", path, "' has no samples"), hint);
}

}  // namespace

Dataset Dataset::open(const std::string& path, const DatasetOptions& options) {
  std::error_code error;
  if (!fs::exists(path, error)) throw not_found(cat("no such data: '", path, "'"));
  auto content = std::make_shared<detail::DatasetContent>();
  content->path = path;
  Opener opener{path, options};
  if (fs::is_directory(path, error))
    opener.read_folder(*content);
  else if (lower(path).ends_with(".npz"))
    opener.read_npz_file(*content);
  else if (lower(path).ends_with(".npy"))
    opener.read_array(*content, read_npy(path), Tensor());
  else if (is_archive_name(path))
    throw invalid_argument(cat("'", path, "' is an archive, expected a folder"), "unpack it first");
  else
    throw invalid_argument(cat("'", path, "' is not data hone reads"),
                           "give a folder per class, a folder with a labels csv, or .npz with x and y");
  if (content->labels.empty()) throw no_samples(path);
  // The class names of a CSV or an array come from --labels when that lists names.
  if (content->classes.empty() && !options.labels.empty() && !options.labels.ends_with(".csv") &&
      !options.labels.ends_with(".npy"))
    content->classes = read_lines(options.labels);
  Dataset data;
  data.indices_.resize(content->labels.size());
  for (size_t i = 0; i < data.indices_.size(); ++i) data.indices_[i] = static_cast<uint32_t>(i);
  data.content_ = std::move(content);
  return options.limit > 0 ? data.limited(static_cast<size_t>(options.limit)) : data;
}

int64_t Dataset::label(size_t i) const { return content_->labels[indices_[i]]; }

bool Dataset::has_labels() const {
  return std::all_of(indices_.begin(), indices_.end(), [&](uint32_t i) { return content_->labels[i] >= 0; });
}

std::string Dataset::name(size_t i) const {
  return content_->files.empty() ? cat("x[", static_cast<int64_t>(indices_[i]), "]") : content_->files[indices_[i]];
}

const std::string& Dataset::path() const { return content_->path; }
const std::vector<std::string>& Dataset::classes() const { return content_->classes; }
const std::string& Dataset::kind() const { return content_->kind; }

std::vector<Tensor> Dataset::load(size_t i, std::span<const InputSpec> inputs) const {
  return with_context(
      [&] { return cat("in sample '", name(i), "' of '", path(), "'"); },
      [&]() -> std::vector<Tensor> {
        if (content_->array.exists()) {
          if (inputs.size() != 1)
            throw unsupported(cat("the model has ", inputs.size(), " inputs, an array feeds one"));
          const Tensor& all = content_->array;
          const Dims dims(all.dims().begin() + 1, all.dims().end());
          const int64_t bytes = all.byte_size() / all.dim(0);
          const auto owner = std::make_shared<Tensor>(all);
          return {convert_input(
              Tensor::view(all.dtype(), dims, static_cast<const char*>(all.raw()) + bytes * indices_[i], owner),
              inputs[0].type, inputs[0].stored)};
        }
        const std::string file = cat(path(), "/", content_->files[indices_[i]]);
        if (!lower(file).ends_with(".npz")) {
          if (inputs.size() != 1)
            throw unsupported(cat("the model has ", inputs.size(), " inputs, a file of this kind feeds one"),
                              "save each sample as .npz with an array for each input name");
          return {load_input_file(file, inputs[0])};
        }
        const std::vector<NamedTensor> arrays = read_npz(file, [&](const std::string& name) {
          return std::any_of(inputs.begin(), inputs.end(), [&](const InputSpec& spec) { return spec.name == name; });
        });
        std::vector<Tensor> out;
        for (const InputSpec& spec : inputs) {
          const auto found =
              std::find_if(arrays.begin(), arrays.end(), [&](const auto& a) { return a.first == spec.name; });
          if (found == arrays.end()) throw not_found(cat("no array named '", spec.name, "'"));
          out.push_back(convert_input(found->second, spec.type, spec.stored));
        }
        return out;
      });
}

Dataset Dataset::subset(std::vector<size_t> indices) const {
  Dataset out;
  out.content_ = content_;
  for (size_t i : indices) out.indices_.push_back(indices_.at(i));
  return out;
}

Dataset Dataset::limited(size_t count) const {
  if (count >= size()) return *this;
  std::vector<size_t> chosen;
  for (size_t i = 0; i < count; ++i) chosen.push_back(i * size() / count);
  return subset(std::move(chosen));
}

std::pair<Dataset, Dataset> Dataset::split(size_t count, uint64_t seed) const {
  uint64_t state = seed;
  const auto next = [&] {  // splitmix64 (Steele, Lea, Flood 2014)
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  };
  std::map<int64_t, std::vector<size_t>> by_class;
  for (size_t i = 0; i < size(); ++i) by_class[label(i)].push_back(i);
  for (auto& [label, members] : by_class)
    for (size_t i = members.size(); i > 1; --i) std::swap(members[i - 1], members[next() % i]);
  std::vector<size_t> chosen;
  for (size_t round = 0; chosen.size() < std::min(count, size()); ++round)
    for (const auto& [label, members] : by_class)
      if (round < members.size() && chosen.size() < count) chosen.push_back(members[round]);
  std::sort(chosen.begin(), chosen.end());
  std::vector<size_t> rest;
  for (size_t i = 0, at = 0; i < size(); ++i) {
    if (at < chosen.size() && chosen[at] == i)
      ++at;
    else
      rest.push_back(i);
  }
  return {subset(std::move(chosen)), subset(std::move(rest))};
}

InputSpec make_input_spec(std::string name, const TensorType& type, const std::map<std::string, std::string>& metadata,
                          const Preprocess& over, QuantPtr stored) {
  InputSpec spec{.name = std::move(name), .type = type, .preprocess = over, .stored = std::move(stored)};
  const Shape& shape = type.shape;
  const auto is_channels = [&](int64_t i) {
    return shape[i].is_known() && (shape[i].value() == 1 || shape[i].value() == 3);
  };
  const bool has_image_rank = shape.has_rank() && (shape.rank() == 3 || shape.rank() == 4);
  if (has_image_rank && (is_channels(shape.rank() - 1) || is_channels(shape.rank() - 3)))
    spec.preprocess = resolve_preprocess(type, metadata, over);
  return spec;
}

Tensor tensor_from_bytes(std::span<const std::byte> bytes, const InputSpec& spec, std::shared_ptr<const void> owner) {
  if (!spec.type.shape.has_rank()) throw unsupported("a raw file cannot feed an input of unknown rank");
  Dims dims;
  for (const Dim& dim : spec.type.shape.list()) dims.push_back(dim.is_known() ? dim.value() : 1);
  const auto view = [&](DType dtype, QuantPtr quant) {
    return Tensor::view(dtype, dims, bytes.data(), owner, std::move(quant)).clone();
  };
  const Shape shape(dims);
  const int64_t elements = shape.elements(), size = static_cast<int64_t>(bytes.size());
  const int64_t own = checked_mul(elements, size_of(spec.type.dtype));
  if (spec.stored && size == elements) {
    const DType dtype = spec.stored->zero_point() > 127 || spec.type.dtype == DType::kU8 ? DType::kU8 : DType::kI8;
    return convert_input(view(dtype, spec.stored), spec.type);
  }
  if (size == own) return convert_input(view(spec.type.dtype, spec.type.quant), spec.type);
  if (size % 4 == 0 && size / 4 == elements) return convert_input(view(DType::kF32, nullptr), spec.type);
  if (size == elements && !spec.stored && is_float(spec.type.dtype))
    throw invalid_argument(
        cat("found ", size, " bytes, one for each element of ", to_text(spec.type), ": integers of unknown scale"),
        "say how they were quantized: --input-quant scale,zero_point");
  throw invalid_argument(cat("found ", size, " bytes, the input ", to_text(spec.type), " takes ", own));
}

namespace {

Preprocess complete(const InputSpec& spec) {
  return spec.preprocess.color.empty() ? resolve_preprocess(spec.type, {}, spec.preprocess) : spec.preprocess;
}

}  // namespace

Tensor load_input_bytes(const std::string& bytes, const InputSpec& spec) {
  const auto owned = std::make_shared<const std::string>(bytes);
  const std::span<const std::byte> view = std::as_bytes(std::span(*owned));
  for (const std::string_view magic : {"\x89PNG", "\xff\xd8\xff", "BM"}) {
    if (!bytes.starts_with(magic)) continue;
    const Preprocess p = complete(spec);
    return preprocess_image(decode_image(view, image_channels(p)), p, spec.type);
  }
  if (bytes.starts_with("\x93NUMPY")) return convert_input(parse_npy(view, owned), spec.type, spec.stored);
  return with_context([] { return std::string("taken as raw numbers: it begins like no JPEG, PNG, BMP or .npy"); },
                      [&] { return tensor_from_bytes(view, spec, owned); });
}

Tensor load_input_file(const std::string& path, const InputSpec& spec) {
  const std::string lowered = lower(path);
  if (is_image_name(lowered)) {
    const Preprocess p = complete(spec);
    return preprocess_image(read_image(path, image_channels(p)), p, spec.type);
  }
  if (lowered.ends_with(".npy")) return convert_input(read_npy(path), spec.type, spec.stored);
  if (lowered.ends_with(".bin")) {
    const auto file = MappedFile::open(path);
    return tensor_from_bytes(file->bytes(), spec, file);
  }
  throw unsupported(cat("'", path, "': expected .png, .jpg, .bmp, .npy or .bin"));
}

}  // namespace hone
