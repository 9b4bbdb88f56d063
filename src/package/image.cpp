#include "package/image.h"

#include <algorithm>
#include <ctime>

#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"
#include "container/deflate.h"
#include "container/json.h"

namespace hone {

namespace {

constexpr std::string_view kManifestType = "application/vnd.oci.image.manifest.v1+json";
constexpr std::string_view kConfigType = "application/vnd.oci.image.config.v1+json";
constexpr std::string_view kLayerType = "application/vnd.oci.image.layer.v1.tar+gzip";

std::string digest_of(std::string_view bytes) { return sha256(std::as_bytes(std::span(bytes.data(), bytes.size()))); }

std::string blob_path(const std::string& digest) { return cat("blobs/sha256/", digest); }

/// Puts a blob into the layout and describes it.
Json add_blob(Image& image, std::string_view type, std::string bytes) {
  const std::string digest = digest_of(bytes);
  Json descriptor;
  descriptor["mediaType"] = type;
  descriptor["digest"] = cat("sha256:", digest);
  descriptor["size"] = static_cast<int64_t>(bytes.size());
  image.files.push_back({blob_path(digest), std::move(bytes)});
  return descriptor;
}

Json config_json(const ImageSpec& spec, const std::vector<std::string>& diff_ids) {
  Json json;
  json["created"] = rfc3339(spec.created);
  json["architecture"] = spec.architecture;
  json["os"] = "linux";
  Json& config = json["config"];
  config["User"] = spec.user;
  for (const int port : spec.ports) config["ExposedPorts"][cat(port, "/tcp")] = Json::object();
  config["Env"] = Json::list(std::vector<std::string>{"PATH=/usr/bin"});
  config["Entrypoint"] = Json::list(spec.entrypoint);
  config["WorkingDir"] = "/";
  for (const auto& [key, value] : spec.labels) config["Labels"][key] = value;
  config["StopSignal"] = "SIGTERM";
  json["rootfs"]["type"] = "layers";
  json["rootfs"]["diff_ids"] = Json::list(diff_ids);
  Json& history = json["history"] = Json::array();
  for (size_t i = 0; i < diff_ids.size(); ++i) {
    Json entry;
    entry["created"] = rfc3339(spec.created);
    entry["created_by"] = "hone package";
    history.push_back(std::move(entry));
  }
  return json;
}

/// The tag of a reference, "1".
std::string tag_of(const std::string& reference) { return reference.substr(reference.rfind(':') + 1); }

}  // namespace

Image make_image(const ImageSpec& spec) {
  require_reference(spec.reference);
  Image image;
  Json layers = Json::array();
  std::vector<std::string> diff_ids;
  for (const std::vector<PackedFile>& files : spec.layers) {
    TarWriter tar(spec.created);
    for (const PackedFile& file : files) tar.add(file);
    const std::string plain = tar.finish();
    diff_ids.push_back(cat("sha256:", digest_of(plain)));
    layers.push_back(add_blob(image, kLayerType, deflate(plain, Deflated::gzip)));
    image.layer_bytes.push_back(static_cast<int64_t>(image.files.back().bytes.size()));
    image.compressed_bytes += image.layer_bytes.back();
  }
  Json manifest;
  manifest["schemaVersion"] = 2;
  manifest["mediaType"] = kManifestType;
  manifest["config"] = add_blob(image, kConfigType, config_json(spec, diff_ids).dump());
  manifest["layers"] = std::move(layers);
  for (const auto& [key, value] : spec.labels) manifest["annotations"][key] = value;
  Json entry = add_blob(image, kManifestType, manifest.dump());
  image.digest = entry.find("digest")->as_string();
  entry["platform"]["architecture"] = spec.architecture;
  entry["platform"]["os"] = "linux";
  entry["annotations"]["org.opencontainers.image.ref.name"] = tag_of(spec.reference);
  entry["annotations"]["io.containerd.image.name"] = spec.reference;
  Json index;
  index["schemaVersion"] = 2;
  index["mediaType"] = "application/vnd.oci.image.index.v1+json";
  index["manifests"].push_back(std::move(entry));
  image.files.push_back({"index.json", index.dump()});
  image.files.push_back({"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"});
  return image;
}

std::string image_archive(const Image& image, const ImageSpec& spec) {
  Json docker;
  const size_t layers = spec.layers.size();
  docker["Config"] = image.files[layers].path;
  docker["RepoTags"].push_back(spec.reference);
  for (size_t i = 0; i < layers; ++i) docker["Layers"].push_back(image.files[i].path);
  TarWriter tar(spec.created);
  for (const PackedFile& file : image.files) tar.add(file);
  tar.add({"manifest.json", Json(Json::Array{docker}).dump()});
  return tar.finish();
}

std::string rfc3339(int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  char text[32];
  if (!::gmtime_r(&time, &parts) || std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
    throw invalid_argument(cat(seconds, " s since 1970 is no time"));
  return text;
}

void require_reference(const std::string& text) {
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  };
  const size_t colon = text.rfind(':'), slash = text.rfind('/');
  bool is_good =
      colon != std::string::npos && colon > 0 && (slash == std::string::npos || slash < colon) && text.size() < 200;
  if (is_good) {
    const std::string tag = text.substr(colon + 1);
    is_good = !tag.empty() &&
              std::all_of(tag.begin(), tag.end(), [&](char c) { return is_name(c) || (c >= 'A' && c <= 'Z'); });
    for (const std::string& part : split(std::string_view(text).substr(0, colon), '/')) {
      // A registry may have a port.
      const bool has_ends =
          !part.empty() && part.front() != '-' && part.front() != '.' && part.back() != '-' && part.back() != '.';
      is_good &= has_ends && std::all_of(part.begin(), part.end(), [&](char c) { return is_name(c) || c == ':'; });
    }
  }
  if (!is_good)
    throw invalid_argument(cat("'", text, "' cannot name an image"), "for example --image registry.local/defects:2");
}

}  // namespace hone
