#include "core/sim/api/pattern.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace nautilus::sim {
namespace {

constexpr int kMostSteps = 200000, kMostNesting = 50, kMostRepeat = 1000;

struct Node {
  enum class Kind { set, begin, end, group, repeat, boundary } kind = Kind::set;
  std::vector<bool> chars;                                   // set: by byte
  std::vector<std::vector<std::unique_ptr<Node>>> branches;  // group, repeat (one branch with one node)
  int least = 0, most = 0;                                   // repeat; most -1 = no limit
  bool lazy = false, negated = false;
};
using Sequence = std::vector<std::unique_ptr<Node>>;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  bool ok = true;

  std::vector<Sequence> alternatives(int depth) {
    std::vector<Sequence> branches(1);
    if (depth > kMostNesting) ok = false;
    while (ok && at_ < text_.size() && text_[at_] != ')') {
      if (text_[at_] == '|') {
        ++at_;
        branches.emplace_back();
        continue;
      }
      auto atom = read_atom(depth);
      if (!ok) break;
      branches.back().push_back(quantified(std::move(atom)));
    }
    return branches;
  }
  bool done() const { return at_ >= text_.size(); }

 private:
  std::unique_ptr<Node> make(Node::Kind kind) {
    auto node = std::make_unique<Node>();
    node->kind = kind;
    if (kind == Node::Kind::set) node->chars.assign(256, false);
    return node;
  }
  static void add(std::vector<bool>& set, unsigned char from, unsigned char to) {
    for (int c = from; c <= to; ++c) set[static_cast<std::size_t>(c)] = true;
  }
  // \d \w \s and their opposites, or one escaped character.
  bool escape(std::vector<bool>& set) {
    if (at_ >= text_.size()) return ok = false;
    char c = text_[at_++];
    std::vector<bool> one(256, false);
    switch (c) {
      case 'd':
      case 'D': add(one, '0', '9'); break;
      case 'w':
      case 'W': add(one, '0', '9'), add(one, 'a', 'z'), add(one, 'A', 'Z'), add(one, '_', '_'); break;
      case 's':
      case 'S':
        for (char s : {' ', '\t', '\n', '\r', '\f'}) one[static_cast<unsigned char>(s)] = true;
        break;
      case 'n': one['\n'] = true; break;
      case 't': one['\t'] = true; break;
      case 'r': one['\r'] = true; break;
      default:
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return ok = false;
        one[static_cast<unsigned char>(c)] = true;
    }
    bool opposite = c == 'D' || c == 'W' || c == 'S';
    for (std::size_t i = 0; i < 256; ++i)
      if (one[i] != opposite) set[i] = true;
    return true;
  }
  std::unique_ptr<Node> bracket() {
    auto node = make(Node::Kind::set);
    bool negated = at_ < text_.size() && text_[at_] == '^';
    if (negated) ++at_;
    bool first = true;
    while (at_ < text_.size() && (text_[at_] != ']' || first)) {
      first = false;
      if (text_[at_] == '[' && at_ + 1 < text_.size() && text_[at_ + 1] == ':') {
        ok = false;
        return node;
      }
      if (text_[at_] == '\\') {
        ++at_;
        if (!escape(node->chars)) return node;
        continue;
      }
      auto from = static_cast<unsigned char>(text_[at_++]);
      if (at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']') {
        auto to = static_cast<unsigned char>(text_[at_ + 1]);
        at_ += 2;
        if (to == '\\' && at_ < text_.size()) to = static_cast<unsigned char>(text_[at_++]);
        if (to < from)
          ok = false;
        else
          add(node->chars, from, to);
      } else {
        node->chars[from] = true;
      }
    }
    if (at_ >= text_.size()) ok = false;
    ++at_;
    if (negated) node->chars.flip();
    return node;
  }
  std::unique_ptr<Node> read_atom(int depth) {
    char c = text_[at_++];
    switch (c) {
      case '^': return make(Node::Kind::begin);
      case '$': return make(Node::Kind::end);
      case '.': {
        auto node = make(Node::Kind::set);
        node->chars.assign(256, true);
        node->chars['\n'] = false;
        return node;
      }
      case '[': return bracket();
      case '(': {
        auto node = make(Node::Kind::group);
        if (at_ + 1 < text_.size() && text_[at_] == '?') {
          if (text_[at_ + 1] != ':') {
            ok = false;
            return node;
          }
          at_ += 2;
        }
        node->branches = alternatives(depth + 1);
        if (at_ >= text_.size() || text_[at_] != ')') ok = false;
        ++at_;
        return node;
      }
      case '\\': {
        auto node = make(Node::Kind::set);
        if (at_ < text_.size() && (text_[at_] == 'A' || text_[at_] == 'z')) {
          node->kind = text_[at_++] == 'A' ? Node::Kind::begin : Node::Kind::end;
          return node;
        }
        escape(node->chars);
        return node;
      }
      case '*':
      case '+':
      case '?': return ok = false, make(Node::Kind::set);
      default: {
        auto node = make(Node::Kind::set);
        node->chars[static_cast<unsigned char>(c)] = true;
        return node;
      }
    }
  }
  bool number(int& into) {
    bool any = false;
    into = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9' && into <= kMostRepeat)
      into = into * 10 + (text_[at_++] - '0'), any = true;
    return any && into <= kMostRepeat;
  }
  std::unique_ptr<Node> quantified(std::unique_ptr<Node> atom) {
    if (at_ >= text_.size()) return atom;
    int least, most;
    std::size_t before = at_;
    switch (text_[at_]) {
      case '*': least = 0, most = -1, ++at_; break;
      case '+': least = 1, most = -1, ++at_; break;
      case '?': least = 0, most = 1, ++at_; break;
      case '{': {
        ++at_;
        if (!number(least)) {  // a literal brace
          at_ = before;
          return atom;
        }
        most = least;
        if (at_ < text_.size() && text_[at_] == ',') {
          ++at_;
          if (at_ < text_.size() && text_[at_] == '}')
            most = -1;
          else if (!number(most))
            ok = false;
        }
        if (at_ >= text_.size() || text_[at_] != '}') ok = false;
        ++at_;
        break;
      }
      default: return atom;
    }
    auto node = make(Node::Kind::repeat);
    node->chars.clear();
    node->least = least;
    node->most = most;
    if (at_ < text_.size() && text_[at_] == '?') ++at_;  // laziness does not change whether something is found
    node->branches.emplace_back();
    node->branches.back().push_back(std::move(atom));
    return node;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

class Matcher {
 public:
  explicit Matcher(std::string_view text) : text_(text) {}
  int steps = 0;
  using Next = std::function<bool(std::size_t)>;

  bool sequence(const Sequence& nodes, std::size_t index, std::size_t at, int depth, const Next& next) {
    if (++steps > kMostSteps || depth > 2000) return false;
    if (index == nodes.size()) return next(at);
    const Node& node = *nodes[index];
    auto rest = [&](std::size_t after) { return sequence(nodes, index + 1, after, depth + 1, next); };
    switch (node.kind) {
      case Node::Kind::set:
        return at < text_.size() && node.chars[static_cast<unsigned char>(text_[at])] && rest(at + 1);
      case Node::Kind::begin: return at == 0 && rest(at);
      case Node::Kind::end: return at == text_.size() && rest(at);
      case Node::Kind::group:
        for (const auto& branch : node.branches)
          if (sequence(branch, 0, at, depth + 1, rest)) return true;
        return false;
      case Node::Kind::repeat: return repeat(node, 0, at, depth + 1, rest);
      case Node::Kind::boundary: return rest(at);
    }
    return false;
  }

 private:
  bool repeat(const Node& node, int done, std::size_t at, int depth, const Next& next) {
    if (++steps > kMostSteps || depth > 2000) return false;
    const Node& one = *node.branches[0][0];
    if (one.kind == Node::Kind::set) {  // the usual case needs no recursion
      std::size_t n = 0;
      while (at + n < text_.size() && one.chars[static_cast<unsigned char>(text_[at + n])] &&
             (node.most < 0 || static_cast<int>(n) < node.most))
        ++n;
      for (std::size_t i = n + 1; i-- > static_cast<std::size_t>(node.least);) {
        if (i > n) continue;
        if (next(at + i)) return true;
        if (++steps > kMostSteps) return false;
      }
      return false;
    }
    if (node.most < 0 || done < node.most)
      if (sequence(node.branches[0], 0, at, depth + 1, [&](std::size_t after) {
            return (after > at || done < node.least) && repeat(node, done + 1, after, depth + 1, next);
          }))
        return true;
    return done >= node.least && next(at);
  }

  std::string_view text_;
};

}  // namespace

std::optional<bool> pattern_found(std::string_view pattern, std::string_view text) {
  Reader reader(pattern);
  auto branches = reader.alternatives(0);
  if (!reader.ok || !reader.done()) return std::nullopt;
  Matcher matcher(text);
  for (std::size_t start = 0; start <= text.size(); ++start) {
    for (const auto& branch : branches)
      if (matcher.sequence(branch, 0, start, 0, [](std::size_t) { return true; })) return true;
    if (matcher.steps > kMostSteps) return std::nullopt;
  }
  return false;
}

}  // namespace nautilus::sim
