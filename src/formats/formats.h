#pragma once

#include <span>
#include <string>
#include <string_view>

#include "formats/format.h"

namespace hone {

/// Every format, in the order in which contents are sniffed.
std::span<const Format* const> all_formats();

/// Reads a model from a file, an archive or a folder; the format is told by its content, then by its extension. Throws
/// Error(not_found), Error(io), Error(invalid_model) or Error(unsupported) with a hint on what it looks like instead.
Graph read_model(const std::string& path, const ReadOptions& options = {});

/// Reads a model from memory. The bytes are copied: the graph owns what it needs. `name` stands for the path.
Graph read_model(std::span<const std::byte> bytes, const std::string& name, const ReadOptions& options = {});

/// The file's own operators, before hone made its own of them; empty where they are hone's. Throws as read_model.
Census read_census(const std::string& path);

/// Writes `graph` in the format its path's extension names. Throws Error(invalid_argument) for an unknown one,
/// Error(unsupported) for one that is only read.
void write_model(const Graph& graph, const std::string& path);
/// The same for a target; throws Error(invalid_argument) when the format has no such one.
void write_model(const Graph& graph, const WriteRequest& request);

/// Throws what write_model would say of the name and the target alone: known before long work, not after it.
void require_written_format(const WriteRequest& request);

/// Throws one Error(unsupported) that lists every operator hone does not know, with its count and the nodes' names.
void require_known_operators(const Graph& graph);

}  // namespace hone
