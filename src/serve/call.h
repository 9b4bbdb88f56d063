#pragma once

#include <chrono>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "container/json.h"
#include "serve/http_server.h"
#include "serve/service.h"

namespace hone {

/// A request with what its path names.
struct Service::Call {
  HttpRequest request;
  HttpServer::Reply reply;
  Clock::time_point arrival = Clock::now();
  std::string model;
  int64_t version = -1;  ///< −1: the one that serves

  /// A parameter of the query, "?top=5", "" when it is not there.
  std::string query(std::string_view name) const;
  /// The same as a number, `otherwise` when it is not there. Throws Error(invalid_argument) when it is none.
  int64_t query_number(std::string_view name, int64_t otherwise) const;
  double seconds() const { return std::chrono::duration<double>(Clock::now() - arrival).count(); }
  void answer(HttpResponse response) { reply(std::move(response)); }
  void answer(const Json& json) { reply({.body = json.dump()}); }
};

/// The segments of a path without its query, "%2F" and the like decoded.
std::vector<std::string> path_segments(std::string_view target);

HttpResponse error_response(int status, std::string_view text);
HttpResponse error_response(const Error& error);

/// What `answer` returns, or the answer that says what it threw.
template <class Answer>
HttpResponse attempt(const Answer& answer) {
  try {
    return answer();
  } catch (const Error& e) {
    return error_response(e);
  } catch (const std::bad_alloc&) {
    return error_response(503, "out of memory");
  } catch (const std::exception& e) {
    return error_response(500, e.what());
  }
}

}  // namespace hone
