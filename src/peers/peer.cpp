#include "peers/peer.h"

#include <dlfcn.h>

#include <cstdlib>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "peers/rows.h"

namespace hone {

namespace {

constexpr const PeerRow* kPeers[] = {&kOnnxRuntimePeer, &kTflitePeer};

/// The library that the variable names, else the first that the loader finds.
void* library_of(const PeerRow& row) {
  const std::string variable(row.variable);
  std::vector<std::string> names(row.libraries.begin(), row.libraries.end());
  if (const char* named = std::getenv(variable.c_str()); named && *named) names = {named};
  std::string reason;
  for (const std::string& name : names) {
    if (void* library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    if (const char* said = ::dlerror(); said && reason.empty()) reason = said;
  }
  throw not_found(cat(row.title, " is not installed: ", reason),
                  cat(row.install, ", or name it: ", variable, "=/path/", row.libraries.front()));
}

}  // namespace

std::span<const PeerRow* const> all_peers() { return kPeers; }

Peer open_peer(std::string_view name) {
  std::vector<std::string> names = {"hone"};
  for (const PeerRow* row : kPeers) {
    if (row->name == name) return row->open(*row, library_of(*row));
    names.emplace_back(row->name);
  }
  throw invalid_argument(cat("unknown runtime '", name, "', expected one of ", join(names, ", ")));
}

}  // namespace hone
