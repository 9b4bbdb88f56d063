#pragma once

#include <map>
#include <string>
#include <string_view>

namespace hone {

/// A Kubernetes object as text. @NAME@ stands for a value; a line that holds nothing but one whose value is empty goes.
struct Manifest {
  std::string_view file;  ///< "service.yaml"
  std::string_view text;
  std::string_view tail = {};  ///< behind it, for what several have in common
};

extern const Manifest kNamespace, kServiceAccount, kDeployment, kDaemonSet, kService, kDisruptionBudget, kNetworkPolicy;

std::string render(const Manifest& manifest, const std::map<std::string, std::string>& values);
/// The text with its values. Throws Error(internal) for a name without one.
std::string fill(std::string_view text, const std::map<std::string, std::string>& values);

}  // namespace hone
