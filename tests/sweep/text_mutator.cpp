#include "sweep/text_mutator.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <vector>

#include "base/text.h"

namespace hone::sweep {

namespace {

/// A piece of the text: [begin, end).
struct Piece {
  size_t begin = 0, end = 0;
};

/// The text being changed, and where in it are things of a kind.
class Mutator {
 public:
  Mutator(std::string_view text, const OpSet& ops, std::mt19937_64& random) : text_(text), ops_(ops), random_(random) {}

  std::string run() {
    using Change = void (Mutator::*)();
    static constexpr Change kChanges[] = {&Mutator::dtype,     &Mutator::number,    &Mutator::number,
                                          &Mutator::shorter,   &Mutator::longer,    &Mutator::unranked,
                                          &Mutator::unknown,   &Mutator::op,        &Mutator::argument,
                                          &Mutator::attribute, &Mutator::drop_line, &Mutator::absent};
    for (size_t left = 1 + below(4); left > 0; --left) (this->*kChanges[below(std::size(kChanges))])();
    return std::move(text_);
  }

 private:
  size_t below(size_t n) { return static_cast<size_t>(random_() % n); }

  static bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

  /// Maximal runs of word characters and points that `accepts`.
  template <class Accepts>
  std::vector<Piece> words(Accepts&& accepts) const {
    std::vector<Piece> found;
    for (size_t i = 0; i < text_.size();) {
      if (!is_word(text_[i])) {
        ++i;
        continue;
      }
      Piece word{i, i};
      while (word.end < text_.size() && (is_word(text_[word.end]) || text_[word.end] == '.')) ++word.end;
      if (accepts(word)) found.push_back(word);
      i = word.end;
    }
    return found;
  }

  /// What stands between an opening and its next closing character.
  std::vector<Piece> between(char open, char close) const {
    std::vector<Piece> found;
    for (size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] != open) continue;
      const size_t end = text_.find_first_of(std::string{open, close}, i + 1);
      if (end != std::string::npos && text_[end] == close) found.push_back({i + 1, end});
    }
    return found;
  }

  std::string_view at(Piece p) const { return std::string_view(text_).substr(p.begin, p.end - p.begin); }
  std::optional<Piece> any(const std::vector<Piece>& pieces) {
    if (pieces.empty()) return std::nullopt;
    return pieces[below(pieces.size())];
  }
  void put(std::optional<Piece> place, std::string_view text) {
    if (place) text_.replace(place->begin, place->end - place->begin, text);
  }

  void dtype() {
    put(any(words([&](Piece w) { return parse_dtype(at(w)).has_value(); })),
        to_string(static_cast<DType>(below(kDTypeCount))));
  }
  void number() {
    static constexpr std::string_view kNumbers[] = {"0",   "1",    "2",   "3",          "7",   "255",  "-1", "-2",
                                                    "0.5", "1e38", "nan", "2147483648", "inf", "-128", "64", "5"};
    put(any(words([&](Piece w) { return std::isdigit(static_cast<unsigned char>(text_[w.begin])) != 0; })),
        kNumbers[below(std::size(kNumbers))]);
  }
  void shorter() {
    const auto list = any(between('[', ']'));
    if (!list) return;
    const size_t comma = at(*list).rfind(',');
    put(list, std::string(comma == std::string_view::npos ? std::string_view() : at(*list).substr(0, comma)));
  }
  void longer() {
    const auto list = any(between('[', ']'));
    if (list) put(list, list->begin == list->end ? std::string("2") : cat("2,", at(*list)));
  }
  void unranked() { put(any(between('[', ']')), "..."); }
  void unknown() {
    const auto list = any(between('[', ']'));
    if (!list) return;
    std::vector<std::string> dims = split(std::string(at(*list)), ',');
    dims[below(dims.size())] = below(2) == 0 ? "?" : "n";
    std::string text;
    for (const std::string& d : dims) text += (text.empty() ? "" : ",") + d;
    put(list, text);
  }
  void op() {
    const auto all = ops_.all();
    put(any(operators()), all[below(all.size())]->name);
  }
  std::vector<Piece> values() const {
    return words([&](Piece w) { return w.begin > 0 && text_[w.begin - 1] == '%'; });
  }
  void argument() {
    const auto from = any(values());
    if (from) put(any(values()), std::string(at(*from)));
  }
  void absent() {
    const auto value = any(values());
    if (value) put(Piece{value->begin - 1, value->end}, "_");
  }
  std::vector<Piece> operators() const {
    return words([&](Piece w) { return w.end < text_.size() && text_[w.end] == '(' && ops_.find(at(w)); });
  }
  /// An attribute that the operator has, in front of those it has already.
  void attribute() {
    const auto name = any(operators());
    if (!name) return;
    const auto fields = ops_.find(at(*name))->attrs->fields;
    if (fields.empty()) return;
    const FieldInfo& field = fields[below(fields.size())];
    const std::string text = cat(field.name, "=", value_of(field));
    const size_t end = std::min(text_.find('\n', name->end), text_.size()), brace = text_.find(") {", name->end);
    if (brace < end)
      text_.insert(brace + 3, text + ", ");
    else
      text_.insert(std::min(text_.find(')', name->end), end - 1) + 1, cat(" {", text, "}"));
  }
  std::string value_of(const FieldInfo& field) {
    switch (field.kind) {
      case AttrKind::kBool:
        return below(2) == 0 ? "true" : "false";
      case AttrKind::kEnum:
        return std::string(field.enum_names[below(field.enum_names.size())]);
      case AttrKind::kDType:
        return std::string(to_string(static_cast<DType>(below(kDTypeCount))));
      case AttrKind::kInts:
      case AttrKind::kFloats:
        return cat("[", below(4), ", ", below(3), "]");
      default:
        return cat(static_cast<int64_t>(below(8)) - 2);
    }
  }
  void drop_line() {
    const size_t begin = text_.find('\n', below(text_.size() + 1));
    if (begin == std::string::npos) return;
    const size_t end = text_.find('\n', begin + 1);
    if (end != std::string::npos) text_.erase(begin, end - begin);
  }

  std::string text_;
  const OpSet& ops_;
  std::mt19937_64& random_;
};

}  // namespace

std::string mutated(std::string_view text, const OpSet& ops, std::mt19937_64& random) {
  return Mutator(text, ops, random).run();
}

}  // namespace hone::sweep
