#include "formats/keras/keras.h"

#include "base/error.h"
#include "base/text.h"
#include "container/hdf5.h"
#include "formats/keras/model_reader.h"

namespace hone {

namespace {

constexpr std::string_view kExtensions[] = {".keras", ".h5", ".hdf5"};
constexpr std::string_view kArchiveConfig = "config.json", kArchiveWeights = "model.weights.h5";

bool sniff(const ModelSource& source) {
  return Hdf5File::looks_like(source.bytes) || (source.has(kArchiveConfig) && source.has(kArchiveWeights));
}

/// "3.4.1" → 3; 2 where nothing says.
int64_t major(const std::string& version) {
  const auto number = parse_int(std::string_view(version).substr(0, version.find('.')));
  return number ? *number : 2;
}

Graph read_h5(const ModelSource& source) {
  const auto file = std::make_shared<const Hdf5File>(Bytes{source.bytes, source.owner});
  const auto config = file->texts(file->root(), "model_config");
  if (!config || config->empty())
    throw invalid_model("an HDF5 file without a Keras model",
                        "it may hold weights alone; save all of it: model.save('model.keras')");
  const auto version = file->texts(file->root(), "keras_version");
  const keras::Weights weights(file, keras::Weights::Order::by_name);
  return keras::ModelReader(weights, version && !version->empty() ? major(version->front()) : 2)
      .read(Json::parse(config->front()));
}

Graph read_archive(const ModelSource& source) {
  const Bytes config = source.open(std::string(kArchiveConfig));
  int64_t version = 3;
  if (source.has("metadata.json")) {
    const Bytes metadata = source.open("metadata.json");
    const Json json = Json::parse(metadata.text());
    if (const Json* text = json.find("keras_version"); text && text->is_string()) version = major(text->as_string());
  }
  const auto file = std::make_shared<const Hdf5File>(source.open(std::string(kArchiveWeights)));
  const keras::Weights weights(file, keras::Weights::Order::by_path);
  return keras::ModelReader(weights, version).read(Json::parse(config.text()));
}

Graph read(const ReadRequest& request) {
  return with_context([&] { return cat("while importing '", request.path, "'"); },
                      [&] {
                        try {
                          return request.open ? read_archive(request) : read_h5(request);
                        } catch (const Error& e) {
                          // What JSON does not hold as expected is the file's fault, not the caller's.
                          if (e.code() != ErrorCode::kInvalidArgument) throw;
                          Error fault = invalid_model(e.message(), e.hint());
                          for (const std::string& frame : e.frames()) fault.add_frame(frame);
                          throw fault;
                        }
                      });
}

}  // namespace

constinit const Format kKerasFormat{.name = "keras", .extensions = kExtensions, .sniff = sniff, .read = read};

}  // namespace hone
