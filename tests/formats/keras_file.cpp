#include "formats/keras_file.h"

#include <hdf5.h>
#include <zip.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace hone {

namespace {

hid_t check(hid_t id) {
  if (id < 0) throw std::runtime_error("the HDF5 library refuses");
  return id;
}

hid_t open_or_make(hid_t file, const std::string& path) {
  if (path.empty()) return check(H5Gopen2(file, "/", H5P_DEFAULT));
  if (H5Lexists(file, path.c_str(), H5P_DEFAULT) > 0) return check(H5Oopen(file, path.c_str(), H5P_DEFAULT));
  return check(H5Gcreate2(file, path.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

void make_groups(hid_t file, const std::string& path) {
  for (size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1))
    if (const hid_t group = open_or_make(file, path.substr(0, at)); group >= 0) H5Oclose(group);
}

void write_array(hid_t file, const H5Array& array) {
  make_groups(file, array.path);
  const std::vector<hsize_t> dims(array.dims.begin(), array.dims.end());
  const hid_t space = check(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr));
  const hid_t how = check(H5Pcreate(H5P_DATASET_CREATE));
  if (array.is_chunked) {
    std::vector<hsize_t> chunk;
    for (const hsize_t d : dims) chunk.push_back(std::min<hsize_t>(d, 2));
    H5Pset_chunk(how, static_cast<int>(chunk.size()), chunk.data());
    H5Pset_shuffle(how);
    H5Pset_deflate(how, 6);
  }
  const hid_t set = check(H5Dcreate2(file, array.path.c_str(), H5T_IEEE_F32LE, space, H5P_DEFAULT, how, H5P_DEFAULT));
  check(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.values.data()));
  H5Dclose(set);
  H5Pclose(how);
  H5Sclose(space);
}

void write_texts(hid_t file, const std::string& object, const std::string& name,
                 const std::vector<std::string>& texts) {
  make_groups(file, object);
  const hid_t owner = open_or_make(file, object), type = check(H5Tcopy(H5T_C_S1));
  H5Tset_size(type, H5T_VARIABLE);
  const hsize_t count = texts.size();
  const hid_t space = check(texts.size() == 1 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, nullptr));
  const hid_t attribute = check(H5Acreate2(owner, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT));
  std::vector<const char*> pointers;
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  check(H5Awrite(attribute, type, pointers.data()));
  H5Aclose(attribute);
  H5Sclose(space);
  H5Tclose(type);
  H5Oclose(owner);
}

}  // namespace

void write_h5(const std::string& path, const std::vector<H5Array>& arrays,
              const std::map<std::pair<std::string, std::string>, std::vector<std::string>>& texts) {
  const hid_t file = check(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  for (const H5Array& array : arrays) write_array(file, array);
  for (const auto& [where, values] : texts) write_texts(file, where.first, where.second, values);
  H5Fclose(file);
}

void write_zip(const std::string& path, const std::map<std::string, std::string>& members, bool is_deflated) {
  std::remove(path.c_str());
  int error = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE, &error);
  if (!archive) throw std::runtime_error("libzip refuses");
  for (const auto& [name, bytes] : members) {
    zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
    const zip_int64_t index = zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), is_deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
  }
  if (zip_close(archive) != 0) throw std::runtime_error("libzip cannot write");
}

}  // namespace hone
