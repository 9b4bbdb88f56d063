#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hone {

/// Model signatures in the format of OpenSSF Model Signing 1.0: a Sigstore bundle around a statement of in-toto that
/// lists files with their SHA-256, signed with a key on the curve P-256, P-384 or P-521 (ECDSA, OpenSSL).

/// SHA-256 in hexadecimal digits by the file's name: relative, between slashes.
using FileDigests = std::map<std::string, std::string>;

/// The bundle's text. `name` says what is signed, `key` is a private key's PEM file. Throws Error(not_found) and
/// Error(invalid_argument) for a file that is no such key.
std::string sign_files(const std::string& name, const FileDigests& files, const std::string& key);

/// Throws what sign_files throws for the key, before there is anything to sign.
void require_signing_key(const std::string& key);

/// The files that `bundle` lists, once its signature was verified with the public key in the PEM file `key`. Throws
/// Error(invalid_model) when it is another's or says something else than files, Error(not_found) and
/// Error(invalid_argument) for the key.
FileDigests signed_files(std::string_view bundle, const std::string& key);

/// Where a model's signature lies: "model.tflite" → "model.sig".
std::string signature_path_of(const std::string& model_path);

/// Throws Error(invalid_model), Error(not_found) when there is no signature, unless the model, each of `companions`
/// that is there, and every file that the signature lists, is as it was signed. Only then is `read` called, which reads
/// the model: what it opens in the signature's folder must be listed, as an ONNX model's external data. Names are
/// relative to that folder, those in model folders too. Returns how many files are signed.
size_t require_signed(const std::string& model_path, const std::vector<std::string>& companions, const std::string& key,
                      const std::function<void()>& read);

/// What require_signed asks for: the model's files and its companions, by name. Symbolic links are not followed.
FileDigests digests_of_model(const std::string& model_path, const std::vector<std::string>& companions);

}  // namespace hone
