#include "serve/listen.h"

#include "base/error.h"
#include "base/text.h"

namespace hone {

void listen_on(boost::asio::ip::tcp::acceptor& acceptor, const HttpOptions& options, std::string_view flag) {
  namespace asio = boost::asio;
  boost::system::error_code error;
  const asio::ip::address address = asio::ip::make_address(options.address, error);
  if (error)
    throw invalid_argument(cat("'", options.address, "' is no IP address"),
                           "--host 0.0.0.0 listens on all of the machine's, --host 127.0.0.1 to the machine itself");
  if (options.port < 0 || options.port > 65535)
    throw invalid_argument(cat("port ", options.port, ": expected 0 to 65535"));
  const asio::ip::tcp::endpoint endpoint(address, static_cast<uint16_t>(options.port));
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    throw io_error(cat("cannot listen on ", options.address, ", port ", options.port, ": ", lower(error.message())),
                   cat(flag, " N takes another port, 0 any that is free"));
}

}  // namespace hone
