#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string_view>

#include "serve/http_server.h"

namespace hone {

/// Opens `acceptor` on options.address and options.port, which `flag` sets. Throws Error(invalid_argument) for an
/// address that is none, Error(io) when it is taken.
void listen_on(boost::asio::ip::tcp::acceptor& acceptor, const HttpOptions& options, std::string_view flag);

}  // namespace hone
