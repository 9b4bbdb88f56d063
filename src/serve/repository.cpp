#include "serve/repository.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "formats/formats.h"

namespace hone {

namespace {

namespace fs = std::filesystem;

bool is_saved_model(const fs::path& path) { return fs::exists(path / "saved_model.pb"); }

/// A number that names a version, or −1.
int64_t version_of(const fs::path& path) {
  const std::string name = path.filename().string();
  const bool is_number =
      !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
  return is_number ? parse_int(name).value_or(-1) : -1;
}

std::vector<fs::path> sorted_children(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code ignored;
  for (const auto& child : fs::directory_iterator(folder, ignored)) out.push_back(child.path());
  std::sort(out.begin(), out.end());
  return out;
}

bool has_versions(const fs::path& folder) {
  const std::vector<fs::path> children = sorted_children(folder);
  return std::any_of(children.begin(), children.end(), [](const fs::path& p) { return version_of(p) >= 0; });
}

bool is_model(const fs::path& path) {
  if (fs::is_directory(path)) return is_saved_model(path);
  const std::string extension = lower(path.extension().string());
  for (const Format* format : all_formats())
    for (const std::string_view known : format->extensions)
      if (known == extension) return true;
  return false;
}

/// The model in a version's folder; "" when there is none.
std::string model_in(const fs::path& folder) {
  if (is_saved_model(folder)) return folder.string();
  for (const fs::path& child : sorted_children(folder))
    if (is_model(child)) return child.string();
  return "";
}

/// Changes when the file, or any in the folder, was replaced or written to; the files beside a model count.
std::string fingerprint_of(const fs::path& path) {
  std::string out;
  const auto add = [&](const fs::path& file) {
    struct stat info {};
    if (::stat(file.c_str(), &info) == 0)
      out += cat(file.filename().string(), " ", int64_t{info.st_size}, " ", uint64_t{info.st_ino}, " ",
                 int64_t{info.st_mtim.tv_sec}, ".", int64_t{info.st_mtim.tv_nsec}, "\n");
  };
  add(path);
  for (const std::string_view beside : {".golden.npz", ".labels.txt"}) add(fs::path(path).replace_extension(beside));
  if (fs::is_directory(path))
    for (const fs::path& child : sorted_children(path)) add(child);
  return out;
}

}  // namespace

struct Repository::Entry {
  struct Failure {
    std::string fingerprint, reason;
    std::exception_ptr error;
  };

  std::string name, path;
  bool is_versioned = false;
  bool is_listed = true;  ///< it is still where the options say
  bool is_wanted = true;  ///< not unloaded on request
  int64_t reloads = 0;    ///< of a model without versions
  std::shared_ptr<ServedModel> active;
  std::string active_fingerprint;
  std::map<int64_t, Failure> failed;  ///< by version
  std::shared_ptr<ModelMetrics> metrics = std::make_shared<ModelMetrics>();
};

Repository::Repository(RepositoryOptions options, ModelReader read, Engine engine)
    : options_(std::move(options)), read_(std::move(read)), engine_(std::move(engine)) {}

void Repository::discover() {
  std::map<std::string, std::pair<std::string, bool>> found;  // name → path, is_versioned
  const auto add = [&](std::string name, const fs::path& path) {
    const bool is_versioned = fs::is_directory(path) && !is_saved_model(path);
    if (!found.emplace(name, std::pair(path.string(), is_versioned)).second && options_.log)
      options_.log(cat("model '", name, "' is named twice: '", path.string(), "' is not served"));
  };
  // Who names two models alike on the command line is told; a folder may hold a model in several formats.
  const auto add_stated = [&](const std::string& name, const fs::path& path) {
    if (const auto at = found.find(name); at != found.end() && at->second.first != path.string())
      throw invalid_argument(
          cat("two models are called '", name, "': '", at->second.first, "' and '", path.string(), "'"),
          "NAME=PATH gives one another name");
    add(name, path);
  };
  for (const std::string& text : options_.paths) {
    const size_t at = text.find('=');
    const fs::path path = fs::path(at == std::string::npos ? text : text.substr(at + 1)).lexically_normal();
    const fs::path last = path.has_filename() ? path : path.parent_path();
    if (at != std::string::npos) {
      add_stated(text.substr(0, at), path);
    } else if (!fs::is_directory(path)) {
      add_stated(last.stem().string(), path);
    } else if (is_saved_model(path) || has_versions(path)) {
      add_stated(last.filename().string(), path);
    } else {
      for (const fs::path& child : sorted_children(path))
        if (is_model(child) || (fs::is_directory(child) && has_versions(child))) add(child.stem().string(), child);
    }
  }
  const std::lock_guard lock(mutex_);
  for (auto& [name, entry] : entries_) entry->is_listed = found.contains(name);
  for (const auto& [name, place] : found) {
    std::shared_ptr<Entry>& entry = entries_[name];
    if (!entry) entry = std::make_shared<Entry>();
    entry->name = name;
    entry->path = place.first;
    entry->is_versioned = place.second;
  }
  std::erase_if(entries_, [](const auto& e) { return !e.second->is_listed; });
}

std::vector<Repository::Candidate> Repository::candidates_of(const Entry& entry) {
  std::vector<Candidate> out;
  if (!entry.is_versioned) {
    const std::string fingerprint = fingerprint_of(entry.path);
    // What changes in place is the next version.
    const bool is_changed = entry.active && fingerprint != entry.active_fingerprint;
    out.push_back(
        {entry.active ? entry.active->version + (is_changed ? 1 : 0) : 1 + entry.reloads, entry.path, fingerprint});
    return out;
  }
  for (const fs::path& child : sorted_children(entry.path)) {
    const int64_t version = version_of(child);
    if (version < 0) continue;
    const std::string model = model_in(child);
    if (!model.empty()) out.push_back({version, model, fingerprint_of(model)});
  }
  std::sort(out.begin(), out.end(), [](const Candidate& a, const Candidate& b) { return a.version > b.version; });
  return out;
}

bool Repository::try_load(Entry& entry, const Candidate& candidate) {
  const auto fail = [&](const std::string& why) {
    if (options_.log)
      options_.log(cat("model '", entry.name, "' version ", candidate.version, " does not serve: ", why));
    const std::lock_guard lock(mutex_);
    entry.failed[candidate.version] = {candidate.fingerprint, why, std::current_exception()};
    return false;
  };
  try {
    auto model = load_served_model(
        {entry.name, candidate.path, candidate.version, options_.workers, options_.batch, options_.key}, read_,
        engine_);
    model->metrics = entry.metrics;
    if (options_.log)
      options_.log(cat("model '", entry.name, "' version ", candidate.version, " serves, loaded in ",
                       human_us(model->load_seconds * 1e6), ", ", model->golden_samples, " golden samples repeated",
                       options_.batch < 2 ? "" : cat(", batches of ", model->batch)));
    const std::lock_guard lock(mutex_);
    entry.active.swap(model);  // who is being answered keeps the old one
    entry.active_fingerprint = candidate.fingerprint;
    entry.failed.erase(candidate.version);
    return true;
  } catch (const std::bad_alloc&) {
    return fail("out of memory");
  } catch (const std::exception& e) {
    return fail(e.what());
  }
}

void Repository::refresh(Entry& entry) {
  if (!entry.is_wanted) return;
  const std::vector<Candidate> candidates = candidates_of(entry);
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(entry.failed, [&](const auto& f) {
      return std::none_of(candidates.begin(), candidates.end(),
                          [&](const Candidate& c) { return c.version == f.first; });
    });
    if (candidates.empty()) entry.failed[0] = {"", cat("there is no model in '", entry.path, "'"), nullptr};
  }
  for (const Candidate& candidate : candidates) {
    const bool is_active =
        entry.active && entry.active->version == candidate.version && entry.active_fingerprint == candidate.fingerprint;
    if (is_active) return;
    const auto failed = entry.failed.find(candidate.version);
    if (failed != entry.failed.end() && failed->second.fingerprint == candidate.fingerprint) continue;
    if (try_load(entry, candidate)) return;
  }
}

void Repository::scan() {
  const std::lock_guard scanning(scan_mutex_);
  discover();
  std::vector<std::shared_ptr<Entry>> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, entry] : entries_) all.push_back(entry);
  }
  for (const auto& entry : all) refresh(*entry);
}

std::shared_ptr<Repository::Entry> Repository::entry(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  if (const auto at = entries_.find(name); at != entries_.end()) return at->second;
  std::vector<std::string> known;
  for (const auto& [other, entry] : entries_) known.push_back(other);
  const std::string near = nearest(name, known);
  throw not_found(cat("no model is called '", name, "'"),
                  near.empty() ? "POST /v2/repository/index lists them" : cat("did you mean '", near, "'?"));
}

std::shared_ptr<ServedModel> Repository::find(const std::string& name, int64_t version) const {
  const std::shared_ptr<Entry> found = entry(name);
  const std::lock_guard lock(mutex_);
  if (!found->active) {
    const std::string why = found->failed.empty() ? "" : found->failed.rbegin()->second.reason;
    throw resource_error(cat("model '", name, "' serves no version", why.empty() ? "" : ": ", why));
  }
  if (version >= 0 && found->active->version != version)
    throw not_found(
        cat("version ", version, " of '", name, "' is not served, version ", found->active->version, " is"));
  return found->active;
}

void Repository::load(const std::string& name) {
  const std::lock_guard scanning(scan_mutex_);
  discover();
  const std::shared_ptr<Entry> found = entry(name);
  {
    const std::lock_guard lock(mutex_);
    found->is_wanted = true;
    found->failed.clear();
  }
  refresh(*found);
  const std::lock_guard lock(mutex_);
  if (found->failed.empty()) return;
  const auto& [version, why] = *found->failed.rbegin();
  if (!found->active || version > found->active->version) throw invalid_model(why.reason);
}

void Repository::unload(const std::string& name) {
  const std::lock_guard scanning(scan_mutex_);
  const std::shared_ptr<Entry> found = entry(name);
  const std::lock_guard lock(mutex_);
  found->is_wanted = false;
  if (found->active) found->reloads = found->active->version;
  found->active.reset();
  found->failed.clear();
}

bool Repository::is_ready() const {
  const std::lock_guard lock(mutex_);
  return !entries_.empty() && std::all_of(entries_.begin(), entries_.end(),
                                          [](const auto& e) { return e.second->active || !e.second->is_wanted; });
}

std::vector<std::string> Repository::names() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [name, entry] : entries_) out.push_back(name);
  return out;
}

std::vector<VersionState> Repository::index() const {
  const std::lock_guard lock(mutex_);
  std::vector<VersionState> out;
  for (const auto& [name, entry] : entries_) {
    if (entry->active) out.push_back({name, entry->active->version, true, ""});
    for (const auto& [version, why] : entry->failed) out.push_back({name, version, false, why.reason, why.error});
    if (!entry->is_wanted) out.push_back({name, entry->reloads, false, "unloaded"});
  }
  return out;
}

std::vector<std::shared_ptr<ServedModel>> Repository::active() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<ServedModel>> out;
  for (const auto& [name, entry] : entries_)
    if (entry->active) out.push_back(entry->active);
  return out;
}

}  // namespace hone
