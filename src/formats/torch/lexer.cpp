#include "formats/torch/lexer.h"

#include "base/error.h"
#include "base/text.h"

namespace hone::torch {

namespace {

constexpr size_t kDeepestIndent = 256;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) {
      if (at_line_begin_ && depth_ == 0 && !begin_line()) continue;
      const char c = source_[at_];
      if (c == '\n') {
        end_line();
      } else if (c == ' ' || c == '\t' || c == '\r') {
        ++at_;
      } else if (c == '#') {
        skip_line();
      } else if (is_letter(c)) {
        take_name();
      } else if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
        take_number();
      } else if (c == '"' || c == '\'') {
        take_text();
      } else {
        take_sign();
      }
    }
    if (!tokens_.empty() && tokens_.back().kind != Token::Kind::line_end) add(Token::Kind::line_end, "");
    while (indents_.size() > 1) indents_.pop_back(), add(Token::Kind::dedent, "");
    add(Token::Kind::end, "");
    return std::move(tokens_);
  }

 private:
  char peek(size_t ahead) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }
  int column() const { return static_cast<int>(at_ - line_begin_) + 1; }
  void add(Token::Kind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_, column()}); }
  [[noreturn]] void refuse(std::string_view what) const {
    throw invalid_model(cat("line ", line_, ", column ", column(), ": ", what));
  }

  /// Takes the indentation; false for a line without anything.
  bool begin_line() {
    size_t width = 0;
    while (peek(width) == ' ') ++width;
    const char next = peek(width);
    if (next == '\n' || next == '\r' || next == '#' || next == '\0') {
      skip_line();
      if (at_ < source_.size()) next_line();
      return false;
    }
    at_ += width;
    at_line_begin_ = false;
    if (width > indents_.back()) {
      if (indents_.size() >= kDeepestIndent) refuse("blocks are nested too deep");
      indents_.push_back(width);
      add(Token::Kind::indent, "");
    }
    while (width < indents_.back()) {
      indents_.pop_back();
      add(Token::Kind::dedent, "");
    }
    if (width != indents_.back()) refuse("the indentation fits no block");
    return true;
  }
  void next_line() { ++at_, ++line_, line_begin_ = at_; }
  void skip_line() {
    while (at_ < source_.size() && source_[at_] != '\n') ++at_;
  }
  void end_line() {
    if (depth_ == 0) {
      add(Token::Kind::line_end, "");
      at_line_begin_ = true;
    }
    next_line();
  }
  void take_name() {
    const size_t begin = at_;
    while (is_letter(peek(0)) || is_digit(peek(0))) ++at_;
    add(Token::Kind::name, std::string(source_.substr(begin, at_ - begin)));
  }
  void take_number() {
    const size_t begin = at_;
    bool is_real = false;
    while (true) {
      const char c = peek(0);
      if (c == '.' || c == 'e' || c == 'E') {
        is_real = true;
      } else if (!is_digit(c) && !((c == '-' || c == '+') && (source_[at_ - 1] == 'e' || source_[at_ - 1] == 'E'))) {
        break;
      }
      ++at_;
    }
    add(is_real ? Token::Kind::real : Token::Kind::integer, std::string(source_.substr(begin, at_ - begin)));
  }
  void take_text() {
    const char quote = source_[at_++];
    std::string text;
    while (peek(0) != quote) {
      if (at_ >= source_.size() || peek(0) == '\n') refuse("a text without an end");
      text += peek(0) == '\\' ? escaped() : source_[at_++];
    }
    ++at_;
    add(Token::Kind::text, std::move(text));
  }
  char escaped() {
    ++at_;
    const char c = peek(0);
    if (c >= '0' && c <= '7') {
      int value = 0;
      for (int i = 0; i < 3 && peek(0) >= '0' && peek(0) <= '7'; ++i) value = value * 8 + (source_[at_++] - '0');
      return static_cast<char>(value);
    }
    ++at_;
    constexpr std::string_view kLetters = "nrtabfv", kMeant = "\n\r\t\a\b\f\v";
    const size_t letter = kLetters.find(c);
    return letter == std::string_view::npos ? c : kMeant[letter];
  }
  void take_sign() {
    const char c = source_[at_];
    if (std::string_view("([{").find(c) != std::string_view::npos) ++depth_;
    if (std::string_view(")]}").find(c) != std::string_view::npos && depth_ > 0) --depth_;
    const size_t length = c == '-' && peek(1) == '>' ? 2 : 1;
    if (length == 1 && std::string_view("()[]{},:.=-").find(c) == std::string_view::npos)
      refuse(cat("'", c, "' does not occur in TorchScript"));
    add(Token::Kind::sign, std::string(source_.substr(at_, length)));
    at_ += length;
  }

  std::string_view source_;
  size_t at_ = 0, line_begin_ = 0;
  int line_ = 1, depth_ = 0;
  bool at_line_begin_ = true;
  std::vector<size_t> indents_{0};
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace hone::torch
