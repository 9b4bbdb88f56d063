#include "package/package.h"

#include <algorithm>
#include <filesystem>

#include "base/cancel.h"
#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/workshop.h"
#include "container/json.h"
#include "package/bundle.h"
#include "serve/golden.h"
#include "serve/openssl.h"
#include "serve/signature.h"

namespace hone {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kManifestKey = "hone.manifest";

/// Writes `files` under `root`, with their modes.
void write_files(const fs::path& root, const std::vector<PackedFile>& files) {
  for (const PackedFile& file : files) {
    const fs::path path = root / file.path;
    make_directory(path.parent_path().string());
    write_file(path.string(), file.bytes);
    fs::permissions(path, static_cast<fs::perms>(file.mode));
  }
}

/// The user that the image runs as must have a name for some programs.
std::vector<PackedFile> user_files() {
  return {{"etc/passwd", "hone:x:65532:65532:hone:/:/usr/bin/hone\n"}, {"etc/group", "hone:x:65532:\n"}};
}

std::vector<PackedFile> runtime_files(bool has_tls) {
  if (has_tls) OpenSsl::get();  // what is loaded is bundled
  std::vector<PackedFile> files = bundle_this_program();
  for (PackedFile& file : user_files()) files.push_back(std::move(file));
  std::sort(files.begin(), files.end(), [](const PackedFile& a, const PackedFile& b) { return a.path < b.path; });
  return files;
}

/// The model's files under rootfs/, written and then loaded from there: what is packed is what was tried.
std::shared_ptr<ServedModel> stage_model(const PackageJob& job, const fs::path& root, const ModelReader& read,
                                         const Engine& engine, std::vector<PackedFile>& files) {
  const std::string folder = cat("models/", job.name, "/1/");
  const std::string file = cat(folder, "model", fs::path(job.model).extension().string());
  write_files(root, {{file, read_file(job.model)}});
  if (!job.labels.empty()) write_files(root, {{cat(folder, "model.labels.txt"), read_file(job.labels)}});
  const std::string path = (root / file).string();
  const auto program = Program::prepared(read(path), engine);
  write_golden(golden_path_of(path), program->graph(), make_golden(program, job.samples));
  fs::permissions(golden_path_of(path), static_cast<fs::perms>(0644));
  if (!job.key.empty()) {
    const std::string signature = signature_path_of(path);
    write_file(signature, sign_files(job.name, digests_of_model(path, companions_of(path)), job.key));
    fs::permissions(signature, static_cast<fs::perms>(0644));
  }
  for (const auto& entry : fs::directory_iterator(root / folder))
    files.push_back({cat(folder, entry.path().filename().string()), read_file(entry.path().string())});
  std::sort(files.begin(), files.end(), [](const PackedFile& a, const PackedFile& b) { return a.path < b.path; });
  return load_served_model({.name = job.name, .path = path}, read, engine);
}

std::map<std::string, std::string> labels_of(const PackageJob& job, const ServedModel& model) {
  std::map<std::string, std::string> labels = {
      {"org.opencontainers.image.title", job.name},
      {"org.opencontainers.image.description",
       cat("serves the model ", job.name, " over HTTP (Open Inference Protocol v2)")},
      {"org.opencontainers.image.created", rfc3339(job.created)},
      {"dev.hone.version", job.title_version},
      {"dev.hone.model.sha256", sha256_of_file(model.path)}};
  const auto& metadata = model.program->graph().metadata;
  if (const auto found = metadata.find(std::string(kManifestKey)); found != metadata.end())
    labels["dev.hone.manifest"] = found->second;
  return labels;
}

std::string dockerfile(const ImageSpec& spec) {
  std::string entrypoint;
  for (const std::string& word : spec.entrypoint) entrypoint += cat(entrypoint.empty() ? "" : ", ", "\"", word, "\"");
  std::string labels;
  for (const auto& [key, value] : spec.labels)
    if (key.starts_with("org.opencontainers")) labels += cat("LABEL ", key, "=", json_quoted(value), "\n");
  return cat("# The same image as oci/ and image.tar: `docker build -t edge-ai-app .` in this folder.\nFROM scratch\n",
             "COPY rootfs/ /\n", labels, "USER ", spec.user, "\nEXPOSE ", spec.ports.front(),
             "\nSTOPSIGNAL SIGTERM\nENTRYPOINT [", entrypoint, "]\n");
}

/// Nothing is overwritten but what an earlier run of the command left.
void require_own_or_new(const fs::path& directory, const fs::path& workshop) {
  if (fs::exists(directory / "oci" / "oci-layout")) return;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory))
    if (entry.path() != workshop)
      throw invalid_argument(cat("'", directory.string(), "' holds files that are no package's"),
                             "name a new folder with -o");
}

/// Removes what an earlier run left in the image and this one has not written, folders that hold nothing too: a server
/// takes each for a model's. `written` is sorted.
void remove_strays(const fs::path& directory, const std::vector<std::string>& written) {
  std::vector<fs::path> strays, folders;
  for (const std::string_view part : {"oci", "rootfs"})
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory / part)) {
      if (entry.is_directory() && !entry.is_symlink())
        folders.push_back(entry.path());
      else if (!std::binary_search(written.begin(), written.end(), entry.path().lexically_relative(directory).string()))
        strays.push_back(entry.path());
    }
  for (const fs::path& stray : strays) fs::remove(stray);
  std::sort(folders.rbegin(), folders.rend());  // what is inside comes before what it is in
  for (const fs::path& folder : folders)
    if (fs::is_empty(folder)) fs::remove(folder);
}

}  // namespace

Package make_package(const PackageJob& job, const ModelReader& read, const Engine& engine) {
  require_reference(job.reference);
  if (job.samples.empty()) throw invalid_argument("a package needs a golden sample at least");
  if (!job.key.empty()) require_signing_key(job.key);
  const fs::path place = job.directory;
  make_directory(place.string());
  Workshop workshop(place);
  const fs::path directory = workshop.path();
  require_own_or_new(place, directory);
  std::vector<PackedFile> model_files;
  Package package;
  package.model = stage_model(job, directory / "rootfs", read, engine, model_files);
  std::vector<PackedFile> runtime = runtime_files(job.has_tls || !job.key.empty());
  write_files(directory / "rootfs", runtime);
  package.spec = {.reference = job.reference,
                  .architecture = std::string(image_architecture()),
                  .layers = {std::move(runtime), std::move(model_files)},
                  .entrypoint = {"/usr/bin/hone", "serve", "/models", "--host", "0.0.0.0", "--http-port", "8000"},
                  .ports = {8000},
                  .labels = labels_of(job, *package.model),
                  .created = job.created};
  package.image = make_image(package.spec);
  write_file((directory / "Dockerfile").string(), dockerfile(package.spec));
  package.archive = (place / "image.tar").string();
  write_file(workshop.file("image.tar"), image_archive(package.image, package.spec));
  write_files(directory / "oci", package.image.files);
  check_interrupted();
  const std::vector<std::string> written = workshop.files();
  workshop.publish();
  remove_strays(place, written);
  return package;
}

std::string model_name_of(const std::string& path) { return fs::path(path).stem().string(); }

std::string default_reference(const std::string& name) {
  std::string out;
  for (const char c : lower(name)) {
    const bool is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (is_good)
      out += c;
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  while (out.ends_with('-')) out.pop_back();
  return cat("localhost/", out.empty() ? "model" : out, ":1");
}

}  // namespace hone
