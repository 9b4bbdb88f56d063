#pragma once

#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <memory>
#include <thread>
#include <utility>

#include "serve/http_server.h"

namespace hone {

/// A 503 that says when to come again.
HttpResponse come_again(const std::string& text);

/// The answer that is owed to someone, which has `write(HttpResponse)`. It gives him back, on the thread of `context`,
/// however long someone holds the reply; who drops the reply without an answer (memory was short, say) has answered
/// just that.
template <class To>
class Ticket {
 public:
  Ticket(boost::asio::io_context& context, std::shared_ptr<To> to) : context_(context), to_(std::move(to)) {}
  ~Ticket() {
    insist([this] {
      HttpResponse response = come_again("the request was given up, memory may be short");
      hand_over(response);
    });
  }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

  void answer(HttpResponse response) {
    insist([&] { hand_over(response); });
  }

 private:
  struct Letter {
    std::shared_ptr<To> to;
    HttpResponse text;
  };

  /// An answer is not lost for want of some hundred bytes.
  template <class Attempt>
  void insist(const Attempt& attempt) noexcept {
    while (to_) {
      try {
        attempt();
      } catch (const std::exception&) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
  }
  /// Leaves both as they were when there is no memory for it.
  void hand_over(HttpResponse& response) {
    const auto letter = std::make_shared<Letter>();
    letter->to.swap(to_);
    std::swap(letter->text, response);
    try {
      boost::asio::dispatch(context_, [letter] {
        if (const auto to = std::move(letter->to)) to->write(std::move(letter->text));
      });
    } catch (const std::exception&) {
      letter->to.swap(to_);
      std::swap(letter->text, response);
      throw;
    }
  }

  boost::asio::io_context& context_;
  std::shared_ptr<To> to_;
};

/// A reply that answers `to` on the thread of `context`.
template <class To>
HttpServer::Reply reply_to(boost::asio::io_context& context, std::shared_ptr<To> to) {
  const auto ticket = std::make_shared<Ticket<To>>(context, std::move(to));
  return [ticket](HttpResponse response) { ticket->answer(std::move(response)); };
}

}  // namespace hone
