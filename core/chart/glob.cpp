#include "core/chart/glob.h"

#include "core/sprig/unicode.h"

namespace nautilus::chart {

// Multiplies alternatives out while it reads, so that matching needs no tree.
class Glob::Parser {
 public:
  explicit Parser(std::string_view pattern) : text_(pattern) {}

  Result<std::vector<Sequence>> parse(int depth) {
    std::vector<Sequence> all, current(1);
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (depth > 0 && (c == ',' || c == '}')) {
        std::move(current.begin(), current.end(), std::back_inserter(all));
        if (c == '}') return all;
        ++at_;
        current.assign(1, {});
        continue;
      }
      if (c == '{') {
        TRY(alternatives(current, depth));
        continue;
      }
      ASSIGN_OR_RETURN(const Item item, one());
      for (Sequence& sequence : current) append(sequence, item);
    }
    if (depth > 0) return Error(Code::invalid, "{ is not closed");
    return current;
  }

 private:
  Result<> alternatives(std::vector<Sequence>& current, int depth) {
    if (depth >= 16) return Error(Code::limit, "alternatives are nested too deep");
    ++at_;
    ASSIGN_OR_RETURN(const auto inner, parse(depth + 1));
    ++at_;  // '}'
    if (current.size() * inner.size() > kMaxGlobAlternatives) return Error(Code::limit, "too many alternatives");
    std::vector<Sequence> product;
    for (const Sequence& before : current)
      for (const Sequence& behind : inner) {
        Sequence& added = product.emplace_back(before);
        for (const Item& item : behind) append(added, item);
      }
    current = std::move(product);
    return {};
  }

  static void append(Sequence& sequence, const Item& item) {
    if (item.kind == Item::Kind::text && !sequence.empty() && sequence.back().kind == Item::Kind::text)
      sequence.back().text += item.text;
    else
      sequence.push_back(item);
  }

  Result<Item> one() {
    Item item;
    const char c = text_[at_++];
    if (c == '*') {
      item.kind = Item::Kind::any;
      if (at_ < text_.size() && text_[at_] == '*') {
        ++at_;
        item.kind = Item::Kind::super;
      }
    } else if (c == '?') {
      item.kind = Item::Kind::one;
    } else if (c == '[') {
      return set();
    } else if (c == '\\') {
      if (at_ >= text_.size()) return Error(Code::invalid, "nothing follows \\");
      item.text = text_[at_++];
    } else {
      item.text = c;
    }
    return item;
  }

  Result<Item> set() {
    Item item;
    item.kind = Item::Kind::set;
    if (at_ < text_.size() && text_[at_] == '!') {
      item.negated = true;
      ++at_;
    }
    std::vector<char32_t> list;
    while (at_ < text_.size() && text_[at_] != ']') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      std::size_t length = 0;
      list.push_back(sprig::decode(text_, at_, length));
      at_ += length;
    }
    if (at_ >= text_.size() || list.empty()) return Error(Code::invalid, "[ is not closed");
    ++at_;
    if (list.size() == 3 && list[1] == '-') {
      if (list[0] > list[2]) return Error(Code::invalid, "a range is the wrong way round");
      item.ranges.emplace_back(list[0], list[2]);
    } else {
      for (const char32_t c : list) item.ranges.emplace_back(c, c);
    }
    return item;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Result<Glob> Glob::compile(std::string_view pattern) {
  if (pattern.size() > kMaxGlobLength) return Error(Code::limit, "the pattern is too long");
  Glob out;
  ASSIGN_OR_RETURN(out.alternatives_, Parser(pattern).parse(0));
  return out;
}

// Position by position: the set of names' offsets that can be reached. Items times length, whatever the stars.
bool Glob::match_sequence(const Sequence& items, std::string_view name) {
  std::vector<char> reached(name.size() + 1, 0), next;
  reached[0] = 1;
  for (const Item& item : items) {
    next.assign(name.size() + 1, 0);
    bool open = false;
    for (std::size_t at = 0; at <= name.size(); ++at) {
      if (item.kind == Item::Kind::any || item.kind == Item::Kind::super) {
        open = open || reached[at];
        if (open) next[at] = 1;
        if (item.kind == Item::Kind::any && at < name.size() && name[at] == '/') open = false;
        continue;
      }
      if (!reached[at]) continue;
      if (item.kind == Item::Kind::text) {
        if (name.substr(at).starts_with(item.text)) next[at + item.text.size()] = 1;
        continue;
      }
      if (at == name.size()) continue;
      std::size_t length = 0;
      const char32_t c = sprig::decode(name, at, length);
      bool fits = c != '/';
      if (item.kind == Item::Kind::set)
        fits = std::any_of(item.ranges.begin(), item.ranges.end(),
                           [&](auto& range) { return range.first <= c && c <= range.second; }) != item.negated;
      if (fits) next[at + length] = 1;
    }
    reached.swap(next);
  }
  return reached[name.size()];
}

bool Glob::matches(std::string_view name) const {
  return std::any_of(alternatives_.begin(), alternatives_.end(),
                     [&](const Sequence& one) { return match_sequence(one, name); });
}

}  // namespace nautilus::chart
