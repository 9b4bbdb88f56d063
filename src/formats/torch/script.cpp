#include "formats/torch/script.h"

#include "base/error.h"
#include "base/text.h"
#include "formats/torch/lexer.h"

namespace hone::torch {

namespace {

constexpr int kDeepest = 64;

class Parser {
 public:
  explicit Parser(std::string_view text) : tokens_(tokenize(text)) {}

  Source source() {
    Source out;
    while (!is(Token::Kind::end)) {
      if (take_if("class")) {
        Class parsed = read_class();
        out.classes.insert_or_assign(parsed.name, std::move(parsed));
      } else if (take_if("def")) {
        Function parsed = function();
        out.functions.insert_or_assign(parsed.name, std::move(parsed));
      } else if (take_if("import")) {
        while (!is(Token::Kind::line_end)) ++at_;
        ++at_;
      } else {
        statement();  // an assignment to a constant, as old versions write at the top
      }
    }
    return out;
  }

 private:
  const Token& here() const { return tokens_[at_]; }
  bool is(Token::Kind kind) const { return here().kind == kind; }
  bool is(std::string_view text) const {
    return (is(Token::Kind::sign) || is(Token::Kind::name)) && here().text == text;
  }
  [[noreturn]] void refuse(std::string_view expected) const {
    throw invalid_model(
        cat("line ", here().line, ", column ", here().column, ": found '", here().text, "', expected ", expected));
  }
  Token take(Token::Kind kind, std::string_view expected) {
    if (!is(kind)) refuse(expected);
    return tokens_[at_++];
  }
  bool take_if(std::string_view text) {
    if (!is(text)) return false;
    ++at_;
    return true;
  }
  void take(std::string_view text) {
    if (!take_if(text)) refuse(cat("'", text, "'"));
  }

  /// Counts levels of what contains itself.
  struct Level {
    explicit Level(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > kDeepest) parser_.refuse(cat("at most ", kDeepest, " levels"));
    }
    ~Level() { --parser_.depth_; }
    Parser& parser_;
  };

  Class read_class();
  Function function();
  std::vector<Statement> block();
  Statement statement();
  Statement branch(int line);
  Expr expression();
  Expr expressions(std::string_view end);
  Expr operand();
  Expr atom();
  Expr call(Expr callee);
  Expr sequence(Expr::Kind kind, std::string_view end);
  Expr dict();

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
};

Class Parser::read_class() {
  Class out{.name = take(Token::Kind::name, "a name").text, .base = {}, .fields = {}, .methods = {}};
  if (take_if("(")) {
    if (!is(")")) out.base = take(Token::Kind::name, "a base").text;
    take(")");
  }
  take(":");
  take(Token::Kind::line_end, "the end of the line");
  if (!is(Token::Kind::indent)) return out;
  ++at_;
  while (!is(Token::Kind::dedent)) {
    if (take_if("def")) {
      Function method = function();
      out.methods.insert_or_assign(method.name, std::move(method));
      continue;
    }
    const bool is_field = is(Token::Kind::name) && tokens_[at_ + 1].text == ":";
    if (is_field) out.fields.push_back(here().text);
    statement();
  }
  ++at_;
  return out;
}

Function Parser::function() {
  Function out{.name = take(Token::Kind::name, "a name").text, .parameters = {}, .body = {}};
  take("(");
  while (!take_if(")")) {
    if (!out.parameters.empty()) take(",");
    if (take_if(")")) break;
    Parameter parameter{.name = take(Token::Kind::name, "a parameter").text};
    if (take_if(":")) parameter.type = expression();
    if (take_if("=")) parameter.initial = expression();
    out.parameters.push_back(std::move(parameter));
  }
  if (take_if("->")) expression();
  out.body = block();
  return out;
}

std::vector<Statement> Parser::block() {
  const Level level(*this);
  take(":");
  take(Token::Kind::line_end, "the end of the line");
  if (!is(Token::Kind::indent)) refuse("an indented block");
  ++at_;
  std::vector<Statement> out;
  while (!is(Token::Kind::dedent)) out.push_back(statement());
  ++at_;
  return out;
}

Statement Parser::branch(int line) {
  Statement out{.kind = Statement::Kind::branch, .line = line, .exprs = {expression()}};
  out.body = block();
  if (is("elif")) {
    const Level level(*this);
    const int next = here().line;
    ++at_;
    out.otherwise.push_back(branch(next));
  } else if (take_if("else")) {
    out.otherwise = block();
  }
  return out;
}

Statement Parser::statement() {
  const int line = here().line;
  if (take_if("if")) return branch(line);
  if (take_if("while")) {
    Statement out{.kind = Statement::Kind::loop_while, .line = line, .exprs = {expression()}};
    out.body = block();
    return out;
  }
  if (take_if("for")) {
    Statement out{.kind = Statement::Kind::loop_for, .line = line, .exprs = {expressions("in")}};
    take("in");
    out.exprs.push_back(expression());
    out.body = block();
    return out;
  }
  if (take_if("with")) {  // of modes that say nothing about values: without gradients, …
    expressions("as");
    if (take_if("as")) expression();
    return {.kind = Statement::Kind::block, .line = line, .exprs = {}, .body = block(), .otherwise = {}};
  }
  Statement out{.kind = Statement::Kind::pass, .line = line};
  if (take_if("return")) {
    out.kind = Statement::Kind::give;
    if (!is(Token::Kind::line_end)) out.exprs.push_back(expressions(""));
  } else if (!take_if("pass")) {
    out.kind = Statement::Kind::expression;
    out.exprs.push_back(expressions("="));
    if (take_if(":")) expression();
    while (take_if("=")) {
      out.kind = Statement::Kind::assign;
      out.exprs.push_back(expressions("="));
    }
  }
  take(Token::Kind::line_end, "the end of the line");
  return out;
}

/// One expression, or several separated by commas, which are a tuple.
Expr Parser::expressions(std::string_view end) {
  Expr first = expression();
  if (!is(",")) return first;
  Expr out{.kind = Expr::Kind::tuple, .parts = {}, .keywords = {}};
  out.parts.push_back(std::move(first));
  while (take_if(",")) {
    if (is(Token::Kind::line_end) || (!end.empty() && is(end))) break;
    out.parts.push_back(expression());
  }
  return out;
}

Expr Parser::expression() {
  const Level level(*this);
  Expr value = operand();
  if (!take_if("if")) return value;
  Expr out{.kind = Expr::Kind::conditional, .parts = {}, .keywords = {}};
  out.parts.push_back(std::move(value));
  out.parts.push_back(expression());
  take("else");
  out.parts.push_back(expression());
  return out;
}

Expr Parser::operand() {
  if (take_if("-")) {
    const Level level(*this);
    // The smallest integer has no positive counterpart.
    if (is(Token::Kind::integer)) tokens_[at_].text.insert(0, "-");
    if (is(Token::Kind::integer)) return atom();
    Expr out{.kind = Expr::Kind::negative, .parts = {}, .keywords = {}};
    out.parts.push_back(operand());
    return out;
  }
  Expr value = atom();
  for (int links = 0;; ++links) {
    if (links > kDeepest) refuse(cat("at most ", kDeepest, " links in a chain"));
    if (take_if(".")) {
      Expr out{
          .kind = Expr::Kind::attribute, .text = take(Token::Kind::name, "a name").text, .parts = {}, .keywords = {}};
      out.parts.push_back(std::move(value));
      value = std::move(out);
    } else if (take_if("(")) {
      value = call(std::move(value));
    } else if (take_if("[")) {
      Expr out{.kind = Expr::Kind::subscript, .parts = {}, .keywords = {}};
      out.parts.push_back(std::move(value));
      out.parts.push_back(expressions("]"));
      take("]");
      value = std::move(out);
    } else {
      return value;
    }
  }
}

Expr Parser::call(Expr callee) {
  Expr out{.kind = Expr::Kind::call, .parts = {}, .keywords = {}};
  out.parts.push_back(std::move(callee));
  while (!take_if(")")) {
    std::string keyword;
    if (is(Token::Kind::name) && tokens_[at_ + 1].kind == Token::Kind::sign && tokens_[at_ + 1].text == "=") {
      keyword = here().text;
      at_ += 2;
    }
    out.keywords.push_back(std::move(keyword));
    out.parts.push_back(expression());
    if (!take_if(",") && !is(")")) refuse("',' or ')'");
  }
  return out;
}

Expr Parser::sequence(Expr::Kind kind, std::string_view end) {
  Expr out{.kind = kind, .parts = {}, .keywords = {}};
  bool has_comma = false;
  while (!take_if(end)) {
    out.parts.push_back(expression());
    has_comma |= is(",");
    if (!take_if(",") && !is(end)) refuse(cat("',' or '", end, "'"));
  }
  if (kind == Expr::Kind::tuple && out.parts.size() == 1 && !has_comma) {
    Expr inner = std::move(out.parts[0]);
    return inner;
  }
  return out;
}

Expr Parser::dict() {
  Expr out{.kind = Expr::Kind::dict, .parts = {}, .keywords = {}};
  while (!take_if("}")) {
    out.parts.push_back(expression());
    take(":");
    out.parts.push_back(expression());
    if (!take_if(",") && !is("}")) refuse("',' or '}'");
  }
  return out;
}

Expr Parser::atom() {
  if (take_if("(")) return sequence(Expr::Kind::tuple, ")");
  if (take_if("[")) return sequence(Expr::Kind::list, "]");
  if (take_if("{")) return dict();
  if (is(Token::Kind::name))
    return {.kind = Expr::Kind::name, .text = tokens_[at_++].text, .parts = {}, .keywords = {}};
  if (is(Token::Kind::text))
    return {.kind = Expr::Kind::text, .text = tokens_[at_++].text, .parts = {}, .keywords = {}};
  if (is(Token::Kind::integer)) {
    const auto value = parse_int(here().text);
    if (!value) refuse("an integer of 64 bits");
    ++at_;
    return {.kind = Expr::Kind::integer, .integer = *value, .parts = {}, .keywords = {}};
  }
  if (is(Token::Kind::real)) {
    std::string text = here().text;
    if (text.ends_with('.')) text += '0';
    const auto value = parse_double(text);
    if (!value) refuse("a number");
    ++at_;
    return {.kind = Expr::Kind::real, .real = *value, .parts = {}, .keywords = {}};
  }
  refuse("an expression");
}

}  // namespace

Source parse_source(std::string_view text) { return Parser(text).source(); }

}  // namespace hone::torch
