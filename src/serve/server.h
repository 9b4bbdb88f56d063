#pragma once

#include <functional>
#include <string>

#include "serve/http_server.h"
#include "serve/repository.h"
#include "serve/service.h"

namespace hone {

struct ServeOptions {
  HttpOptions http;
  int grpc_port = -1;  ///< 0: any that is free; −1: gRPC is not spoken
  ServiceOptions service;
  RepositoryOptions repository;
  double poll_seconds = 5;  ///< between looks at the models on disk; 0: only the first
};

/// Loads the models, serves until SIGTERM or SIGINT, answers what was begun. `log` gets a line for each event; the one
/// that says where it listens comes when it is ready. Throws Error when it cannot listen, or when no model is found.
void serve(const ServeOptions& options, const ModelReader& read, const Engine& engine);

}  // namespace hone
