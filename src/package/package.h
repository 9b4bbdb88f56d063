#pragma once

#include <string>
#include <vector>

#include "package/image.h"
#include "runtime/engine.h"
#include "serve/served_model.h"

namespace hone {

struct PackageJob {
  std::string model;          ///< a file
  std::string name;           ///< that it is served under
  std::string labels;         ///< names of its classes, a file; "": none
  std::string directory;      ///< where the results go
  std::string reference;      ///< of the image
  std::string title_version;  ///< of hone, for the labels
  std::string key;            ///< private, PEM: signs the model's files; "": nothing is signed
  bool has_tls = false;       ///< OpenSSL goes with the program, for `hone serve --tls-cert` and `--key`
  int64_t created = 0;        ///< SOURCE_DATE_EPOCH
  /// What the model is run on for its golden samples.
  std::vector<std::vector<Tensor>> samples;
};

struct Package {
  ImageSpec spec;
  Image image;
  std::string archive;                 ///< the file that container runtimes load
  std::shared_ptr<ServedModel> model;  ///< as it was loaded from what was packed, golden samples repeated
};

/// Writes into `directory`: oci/ (an OCI image layout), image.tar (the same for `docker load` and `k3s ctr images
/// import`), rootfs/ with the files and a Dockerfile that makes the image of them. The image is this program with the
/// libraries that it needs, the model, and nothing else; it serves as user 65532 and writes nowhere. The same job with
/// the same program gives the same bytes. Throws what reading and running the model and writing throw.
Package make_package(const PackageJob& job, const ModelReader& read, const Engine& engine);

/// "model.tflite" → "localhost/model:1": lower-case, what no image name may hold becomes "-".
std::string default_reference(const std::string& name);
/// The name that a model is served under: its file's without extension.
std::string model_name_of(const std::string& path);

}  // namespace hone
