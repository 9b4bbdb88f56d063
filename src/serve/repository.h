#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "serve/metrics.h"
#include "serve/served_model.h"

namespace hone {

/// What is known of a version, loaded or not.
struct VersionState {
  std::string model;
  int64_t version = 0;
  bool is_ready = false;
  std::string reason;             ///< why not
  std::exception_ptr error = {};  ///< the same as it was thrown; null when it was not
};

struct RepositoryOptions {
  /// Models: "NAME=PATH" or a path, which is a model (its name the file's without extension), a model's folder of
  /// versions ("1/", "2/", … with a model in each), or a folder of those.
  std::vector<std::string> paths;
  int workers = 1;
  int64_t batch = 1;     ///< requests that one run answers, where a model can, see LoadRequest
  std::string key = {};  ///< only what it signed serves, see LoadRequest
  std::function<void(const std::string& line)> log = {};
};

/// The models that are served, by name, and their versions on disk. A newer version takes the place of the present one
/// after it was loaded and gave its golden answers; one that fails leaves the present one serving. Requests that are
/// being answered keep the version that they began with. Thread-safe.
class Repository {
 public:
  Repository(RepositoryOptions options, ModelReader read, Engine engine);

  /// Looks at the disk and loads what is new; the first time everything. Errors of single models are their state.
  void scan();
  /// `version` < 0: the one that serves. Throws Error(not_found), with the nearest name.
  std::shared_ptr<ServedModel> find(const std::string& name, int64_t version = -1) const;

  /// Loads a model anew, or after unload. Throws what loading throws.
  void load(const std::string& name);
  /// From now on requests for it are refused.
  void unload(const std::string& name);

  /// Every model serves some version.
  bool is_ready() const;
  std::vector<std::string> names() const;
  std::vector<VersionState> index() const;
  /// The models that serve now.
  std::vector<std::shared_ptr<ServedModel>> active() const;

 private:
  struct Entry;
  struct Candidate {
    int64_t version = 1;
    std::string path, fingerprint;
  };

  void discover();
  void refresh(Entry& entry);
  bool try_load(Entry& entry, const Candidate& candidate);
  std::shared_ptr<Entry> entry(const std::string& name) const;
  static std::vector<Candidate> candidates_of(const Entry& entry);

  RepositoryOptions options_;
  ModelReader read_;
  Engine engine_;
  std::mutex scan_mutex_;     ///< one looks at the disk and loads at a time
  mutable std::mutex mutex_;  ///< of what follows; never held while a model is loaded
  std::map<std::string, std::shared_ptr<Entry>> entries_;
};

}  // namespace hone
