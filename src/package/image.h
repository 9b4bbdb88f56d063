#pragma once

#include <map>
#include <string>
#include <vector>

#include "package/tar.h"

namespace hone {

/// What a container runtime runs.
struct ImageSpec {
  std::string reference;  ///< "localhost/defects:1": registry, name, tag
  std::string architecture;
  std::vector<std::vector<PackedFile>> layers;  ///< lowest first
  std::vector<std::string> entrypoint;
  std::string user = "65532:65532";
  std::vector<int> ports;
  std::map<std::string, std::string> labels;
  int64_t created = 0;  ///< seconds since 1970, of the image and every file in it
};

/// An image in the OCI's format (image-spec 1.0: layout, index, manifest, configuration, layers as tar+gzip). The same
/// specification gives the same bytes.
struct Image {
  std::vector<PackedFile> files;  ///< of the layout: "oci-layout", "index.json", "blobs/sha256/…"
  std::string digest;             ///< of the manifest, "sha256:…"
  int64_t compressed_bytes = 0;   ///< of all layers
  std::vector<int64_t> layer_bytes;
};
Image make_image(const ImageSpec& spec);

/// The layout as one tar that `docker load`, `podman load`, `ctr images import` and k3s take: with Docker's
/// manifest.json beside the OCI's index.
std::string image_archive(const Image& image, const ImageSpec& spec);

/// "2023-01-31T12:00:00Z".
std::string rfc3339(int64_t seconds);

/// Throws Error(invalid_argument) unless `text` can name an image: lower-case parts between slashes and a tag.
void require_reference(const std::string& text);

}  // namespace hone
