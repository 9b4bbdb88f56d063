#include "serve/signature.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/base64.h"
#include "base/error.h"
#include "base/file.h"
#include "base/opened_files.h"
#include "base/sha256.h"
#include "base/text.h"
#include "container/json.h"
#include "serve/openssl.h"

namespace hone {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";
constexpr std::string_view kPayloadType = "application/vnd.in-toto+json";
constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
constexpr std::string_view kPredicateType = "https://model_signing/signature/v1.0";

using KeyPtr = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
using BioPtr = std::unique_ptr<BIO, void (*)(BIO*)>;

std::string digest_of(std::string_view text) { return sha256(std::as_bytes(std::span(text.data(), text.size()))); }

int no_password(char*, int, int, void*) { return 0; }

/// The hash that goes with a key's curve.
const EVP_MD* hash_of(const OpenSsl& o, EVP_PKEY* key, const std::string& path) {
  switch (o.EVP_PKEY_is_a(key, "EC") == 1 ? o.EVP_PKEY_get_bits(key) : 0) {
    case 256:
      return o.EVP_sha256();
    case 384:
      return o.EVP_sha384();
    case 521:
      return o.EVP_sha512();
    default:
      throw invalid_argument(cat("'", path, "' is no key on the curve P-256, P-384 or P-521"),
                             "openssl ecparam -name prime256v1 -genkey -noout -out key.pem");
  }
}

BioPtr reader(const OpenSsl& o, const std::string& text) {
  return {o.BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), [](BIO* b) { OpenSsl::get().BIO_free(b); }};
}

KeyPtr load_key(const OpenSsl& o, const std::string& path, bool is_private) {
  const std::string text = read_file(path);
  const BioPtr bio = reader(o, text);
  o.ERR_clear_error();
  EVP_PKEY* const key = is_private ? o.PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr)
                                   : o.PEM_read_bio_PUBKEY(bio.get(), nullptr, no_password, nullptr);
  if (!key) throw o.error(cat("'", path, "' is no ", is_private ? "private" : "public", " key in PEM"));
  return {key, [](EVP_PKEY* k) { OpenSsl::get().EVP_PKEY_free(k); }};
}

/// How a bundle names the key: the SHA-256 of its public half in PEM.
std::string hint_of(const OpenSsl& o, EVP_PKEY* key) {
  const BioPtr bio(o.BIO_new(o.BIO_s_mem()), [](BIO* b) { OpenSsl::get().BIO_free(b); });
  if (o.PEM_write_bio_PUBKEY(bio.get(), key) != 1) throw o.error("the key");
  char text[4096];
  const int size = o.BIO_read(bio.get(), text, sizeof text);
  return digest_of({text, static_cast<size_t>(std::max(size, 0))});
}

/// What is signed (DSSE 1.0, "pre-authentication encoding").
std::string signed_text(std::string_view payload) {
  return cat("DSSEv1 ", kPayloadType.size(), " ", kPayloadType, " ", payload.size(), " ", payload);
}

using ContextPtr = std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)>;
ContextPtr new_context(const OpenSsl& o) {
  return {o.EVP_MD_CTX_new(), [](EVP_MD_CTX* c) { OpenSsl::get().EVP_MD_CTX_free(c); }};
}

/// SHA-256 of all digests, as bytes, in the order of the names.
std::string root_digest(const FileDigests& files) {
  std::string bytes;
  for (const auto& [name, digest] : files)
    for (size_t i = 0; i + 1 < digest.size(); i += 2)
      bytes += static_cast<char>(std::stoi(digest.substr(i, 2), nullptr, 16));
  return digest_of(bytes);
}

std::string statement_of(const std::string& name, const FileDigests& files) {
  Json subject;
  subject["name"] = name;
  subject["digest"]["sha256"] = root_digest(files);
  Json statement;
  statement["_type"] = kStatementType;
  statement["subject"].push_back(std::move(subject));
  statement["predicateType"] = kPredicateType;
  Json& predicate = statement["predicate"];
  Json& resources = predicate["resources"] = Json::array();
  for (const auto& [file, digest] : files) {
    Json resource;
    resource["name"] = file;
    resource["algorithm"] = "sha256";
    resource["digest"] = digest;
    resources.push_back(std::move(resource));
  }
  Json& serialization = predicate["serialization"];
  serialization["method"] = "files";
  serialization["hash_type"] = "sha256";
  serialization["allow_symlinks"] = false;
  serialization["ignore_paths"] = Json::list(std::vector<std::string>{"model.sig"});
  return statement.dump();
}

const Json& member(const Json& object, std::string_view key) {
  const Json* found = object.find(key);
  if (!found) throw invalid_model(cat("the signature has no '", key, "'"));
  return *found;
}

void require_text(const Json& object, std::string_view key, std::string_view expected) {
  if (const std::string& found = member(object, key).as_string(); found != expected)
    throw invalid_model(cat("the signature's ", key, " is '", found, "', expected '", expected, "'"));
}

const Json& only(const Json& list, std::string_view what) {
  if (list.as_array().size() != 1)
    throw invalid_model(cat("the signature has ", list.as_array().size(), " ", what, ", expected one"));
  return list.as_array().front();
}

bool is_digest(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

FileDigests files_of(const Json& statement) {
  require_text(statement, "_type", kStatementType);
  require_text(statement, "predicateType", kPredicateType);
  const Json& predicate = member(statement, "predicate");
  require_text(member(predicate, "serialization"), "method", "files");
  FileDigests files;
  for (const Json& resource : member(predicate, "resources").as_array()) {
    require_text(resource, "algorithm", "sha256");
    const std::string& digest = member(resource, "digest").as_string();
    if (!is_digest(digest)) throw invalid_model("the signature lists a digest that is no SHA-256");
    if (!files.emplace(member(resource, "name").as_string(), digest).second)
      throw invalid_model("the signature lists a file twice");
  }
  if (files.empty()) throw invalid_model("the signature lists no file");
  const Json& subject = only(member(statement, "subject"), "subjects");
  require_text(member(subject, "digest"), "sha256", root_digest(files));
  return files;
}

/// The digest of a file that a signature lists; none: it is not there, or not in the folder.
std::optional<std::string> digest_in(const fs::path& folder, const std::string& name) {
  const fs::path relative(name);
  if (relative.is_absolute() || std::find(relative.begin(), relative.end(), "..") != relative.end())
    return std::nullopt;
  const fs::path path = folder / relative;
  if (fs::is_symlink(path) || !fs::is_regular_file(path)) return std::nullopt;
  return sha256_of_file(path.string());
}

/// `found`: the files that must be listed. Others may be.
void require_same(const FileDigests& listed, const FileDigests& found, const fs::path& folder) {
  for (const auto& [name, digest] : found)
    if (!listed.contains(name)) throw invalid_model(cat("'", name, "' is not signed"));
  for (const auto& [name, digest] : listed) {
    const auto at = found.find(name);
    const std::optional<std::string> present = at != found.end() ? at->second : digest_in(folder, name);
    if (!present) throw invalid_model(cat("'", name, "' is signed and not there"));
    if (*present != digest) throw invalid_model(cat("'", name, "' is not what was signed"));
  }
}

}  // namespace

void require_signing_key(const std::string& key) {
  const OpenSsl& o = OpenSsl::get();
  hash_of(o, load_key(o, key, true).get(), key);
}

std::string sign_files(const std::string& name, const FileDigests& files, const std::string& key) {
  const OpenSsl& o = OpenSsl::get();
  const KeyPtr loaded = load_key(o, key, true);
  const std::string payload = statement_of(name, files);
  const std::string text = signed_text(payload);
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  const ContextPtr context = new_context(o);
  std::string signature(256, '\0');
  size_t size = signature.size();
  const bool is_signed =
      o.EVP_DigestSignInit(context.get(), nullptr, hash_of(o, loaded.get(), key), nullptr, loaded.get()) == 1 &&
      o.EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, text.size()) ==
          1;
  if (!is_signed) throw o.error(cat("signing with '", key, "'"));
  signature.resize(size);
  Json bundle;
  bundle["mediaType"] = kBundleType;
  Json& material = bundle["verificationMaterial"];
  material["publicKey"]["hint"] = hint_of(o, loaded.get());
  material["tlogEntries"] = Json::array();
  Json& envelope = bundle["dsseEnvelope"];
  envelope["payload"] = to_base64(payload);
  envelope["payloadType"] = kPayloadType;
  Json one;
  one["sig"] = to_base64(signature);
  one["keyid"] = "";
  envelope["signatures"].push_back(std::move(one));
  return bundle.dump();
}

FileDigests signed_files(std::string_view bundle, const std::string& key) {
  const OpenSsl& o = OpenSsl::get();
  const KeyPtr loaded = load_key(o, key, false);
  const EVP_MD* const hash = hash_of(o, loaded.get(), key);
  try {
    const Json json = Json::parse(bundle);
    require_text(json, "mediaType", kBundleType);
    const Json& envelope = member(json, "dsseEnvelope");
    require_text(envelope, "payloadType", kPayloadType);
    const std::string payload = from_base64(member(envelope, "payload").as_string());
    const std::string signature =
        from_base64(member(only(member(envelope, "signatures"), "signatures"), "sig").as_string());
    const std::string text = signed_text(payload);
    const ContextPtr context = new_context(o);
    o.ERR_clear_error();
    const bool is_theirs =
        o.EVP_DigestVerifyInit(context.get(), nullptr, hash, nullptr, loaded.get()) == 1 &&
        o.EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                           reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
    if (!is_theirs) throw invalid_model(cat("the signature was not made with the key of '", key, "'"));
    return files_of(Json::parse(payload));
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kInvalidArgument) throw;
    throw invalid_model(cat("the signature is damaged: ", e.message()));
  }
}

std::string signature_path_of(const std::string& model_path) {
  fs::path path = fs::path(model_path).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return path.replace_extension(".sig").string();
}

FileDigests digests_of_model(const std::string& model_path, const std::vector<std::string>& companions) {
  const fs::path folder = fs::path(signature_path_of(model_path)).parent_path();
  FileDigests out;
  const auto add = [&](const fs::path& path) {
    if (fs::is_symlink(path)) throw invalid_model(cat("'", path.string(), "' is a symbolic link: it is not signed"));
    if (fs::is_regular_file(path))
      out[path.lexically_relative(folder.empty() ? "." : folder).generic_string()] = sha256_of_file(path.string());
  };
  const fs::path model = fs::path(model_path).lexically_normal();
  if (fs::is_directory(model))
    for (const auto& entry : fs::recursive_directory_iterator(model)) add(entry.path());
  else
    add(model);
  for (const std::string& companion : companions)
    if (fs::exists(companion)) add(fs::path(companion).lexically_normal());
  return out;
}

size_t require_signed(const std::string& model_path, const std::vector<std::string>& companions, const std::string& key,
                      const std::function<void()>& read) {
  const std::string path = signature_path_of(model_path);
  if (!fs::exists(path))
    throw not_found(cat("there is no signature '", path, "'"), "hone package --sign KEY writes one");
  const fs::path folder = fs::absolute(path).parent_path();
  const FileDigests wanted = with_context([&] { return cat("in signature '", path, "'"); },
                                          [&] {
                                            FileDigests listed = signed_files(read_file(path), key);
                                            require_same(listed, digests_of_model(model_path, companions), folder);
                                            return listed;
                                          });
  const OpenedFiles opened;
  read();
  for (const std::string& file : opened.paths()) {
    const std::string name =
        fs::weakly_canonical(file).lexically_relative(fs::weakly_canonical(folder)).generic_string();
    const bool is_inside = !name.empty() && *fs::path(name).begin() != "..";
    if (is_inside && !wanted.contains(name))
      throw invalid_model(cat("the model reads '", name, "', which signature '", path, "' does not list"));
  }
  return wanted.size();
}

}  // namespace hone
