// fmt.Sprintf, Sprint and Sprintln over template values.
//
// Source followed: the documentation of Go's fmt: verbs, flags, explicit argument indexes and the %!verb(type=value)
// form of mistakes.
#include <algorithm>
#include <cmath>

#include "core/gotmpl/funcs.h"
#include "core/gotmpl/number.h"

namespace nautilus::gotmpl {

namespace {

constexpr int kMaxWidth = 1'000'000;  // as in Go

struct Spec {
  bool plus = false, minus = false, sharp = false, space = false, zero = false;
  bool wrong_verb = false;  // inside %!verb(...)
  int width = -1, precision = -1;
  char32_t verb = 0;
};

std::size_t rune_count(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) next_rune(text, at);
  return count;
}

void pad(std::string& out, std::string_view text, const Spec& spec) {
  const auto have = static_cast<int>(rune_count(text));
  const auto missing = spec.width > have ? static_cast<std::size_t>(spec.width - have) : 0;
  if (spec.minus) {
    out.append(text).append(missing, ' ');
  } else {
    out.append(missing, spec.zero ? '0' : ' ').append(text);
  }
}

std::string verb_text(char32_t verb) {
  std::string out;
  append_utf8(out, verb);
  return out;
}

// The whole number `digits` with sign, precision and padding.
void integer_text(std::string& out, std::uint64_t magnitude, bool negative, const Spec& spec, unsigned base,
                  bool upper) {
  const std::string_view alphabet = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string digits;
  for (std::uint64_t rest = magnitude; rest > 0; rest /= base) digits += alphabet[rest % base];
  if (digits.empty() && !(spec.precision == 0)) digits = "0";
  std::size_t want = spec.precision > 0 ? static_cast<std::size_t>(spec.precision) : 0;
  if (spec.precision < 0 && spec.zero && !spec.minus && spec.width > 0)
    want = static_cast<std::size_t>(spec.width) - (negative || spec.plus || spec.space ? 1 : 0);
  while (digits.size() < want) digits += '0';
  if (spec.sharp) {
    if (base == 2) digits += "b0";
    if (base == 8 && (digits.empty() || digits.back() != '0')) digits += '0';
    if (base == 16) digits += upper ? "X0" : "x0";
  }
  if (spec.verb == 'O') digits += "o0";
  if (negative)
    digits += '-';
  else if (spec.plus)
    digits += '+';
  else if (spec.space)
    digits += ' ';
  Spec plain = spec;
  plain.zero = false;
  pad(out, std::string(digits.rbegin(), digits.rend()), plain);
}

void format_value(std::string& out, const Val& value, const Spec& spec, int depth);

void bad_verb(std::string& out, const Val& value, const Spec& spec) {
  out += "%!" + verb_text(spec.verb) + "(";
  if (value.is_nil()) {
    out += "<nil>";
  } else {
    // The flags of the wrong verb still apply to the value.
    Spec plain = spec;
    plain.verb = 'v';
    plain.wrong_verb = true;
    out += type_name(value) + "=";
    format_value(out, value, plain, 0);
  }
  out += ")";
}

// %b and %x of a float: the binary mantissa and exponent.
std::string binary_float(double v, char form, int precision) {
  if (!std::isfinite(v)) return format_float(v, 'g', -1);
  if (form == 'b') {
    int exponent = 0;
    const double mantissa = std::ldexp(std::frexp(v, &exponent), 53);
    return fmt::format("{:.0f}p{:+d}", mantissa, v == 0 ? -1074 : exponent - 53);
  }
  std::string text = precision < 0 ? fmt::format("{:a}", v) : fmt::format("{:.{}a}", v, precision);
  if (const auto p = text.find('p'); p != std::string::npos && text.size() == p + 3) text.insert(p + 2, "0");
  if (form == 'X')
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return text;
}

void format_integer(std::string& out, const Val& value, const Spec& spec) {
  const bool negative = value.kind() != Kind::uint64 && value.as_int() < 0;
  const std::uint64_t magnitude = negative ? 0 - value.as_uint() : value.as_uint();
  switch (spec.verb) {
    case 'v': {
      Spec plain = spec;
      plain.plus = spec.plus && spec.wrong_verb;  // "%+v" is about field names
      return integer_text(out, magnitude, negative, plain, 10, false);
    }
    case 'd': return integer_text(out, magnitude, negative, spec, 10, false);
    case 'b': return integer_text(out, magnitude, negative, spec, 2, false);
    case 'o':
    case 'O': return integer_text(out, magnitude, negative, spec, 8, false);
    case 'x': return integer_text(out, magnitude, negative, spec, 16, false);
    case 'X': return integer_text(out, magnitude, negative, spec, 16, true);
    case 'c': {
      std::string rune;
      append_utf8(rune, magnitude > 0x10ffff || negative ? 0xfffd : static_cast<std::uint32_t>(magnitude));
      return pad(out, rune, spec);
    }
    case 'q': {
      std::string rune;
      append_utf8(rune, magnitude > 0x10ffff || negative ? 0xfffd : static_cast<std::uint32_t>(magnitude));
      std::string quoted = rune == "'" ? "\\'" : rune == "\"" ? "\"" : quote(rune).substr(1, quote(rune).size() - 2);
      return pad(out, "'" + quoted + "'", spec);
    }
    case 'U': return pad(out, fmt::format("U+{:04X}", value.as_uint()), spec);
    default: return bad_verb(out, value, spec);
  }
}

void format_float_value(std::string& out, const Val& value, const Spec& spec) {
  char form = static_cast<char>(spec.verb);
  int precision = spec.precision;
  switch (spec.verb) {
    case 'v': form = 'g'; break;
    case 'g':
    case 'G':
    case 'b':
    case 'x':
    case 'X': break;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
      if (precision < 0) precision = 6;
      break;
    default: return bad_verb(out, value, spec);
  }
  const bool binary = form == 'b' || form == 'x' || form == 'X';
  std::string text =
      binary ? binary_float(value.as_float(), form, precision) : format_float(value.as_float(), form, precision);
  if (text[0] != '-' && text[0] != '+') {
    if (spec.plus && !(spec.verb == 'v' && !spec.wrong_verb))
      text = "+" + text;
    else if (spec.space)
      text = " " + text;
  }
  const bool finite = std::isfinite(value.as_float());
  if (!spec.plus && text == "+Inf") text = "+Inf";
  if (spec.zero && finite && !spec.minus && (text[0] == '-' || text[0] == '+' || text[0] == ' ')) {
    Spec rest = spec;
    rest.width = spec.width - 1;
    out += text[0];
    return pad(out, text.substr(1), rest);
  }
  Spec plain = spec;
  if (!finite || spec.minus) plain.zero = false;
  pad(out, text, plain);
}

void format_string(std::string& out, const Val& value, const Spec& spec) {
  std::string_view text = value.as_string();
  std::string cut;
  if (spec.precision >= 0 && (spec.verb == 's' || spec.verb == 'v' || spec.verb == 'q')) {
    std::size_t at = 0;
    for (int i = 0; i < spec.precision && at < text.size(); ++i) next_rune(text, at);
    text = text.substr(0, at);
  }
  switch (spec.verb) {
    case 'v':
      if (spec.sharp) return pad(out, quote(text), spec);
      [[fallthrough]];
    case 's': return pad(out, text, spec);
    case 'q':
      if (spec.sharp && text.find('`') == std::string_view::npos && text.find('\n') == std::string_view::npos)
        return pad(out, "`" + std::string(text) + "`", spec);
      return pad(out, quote(text), spec);
    case 'x':
    case 'X':
      for (std::size_t i = 0; i < text.size() && (spec.precision < 0 || i < static_cast<std::size_t>(spec.precision));
           ++i) {
        if (spec.space && i > 0) cut += ' ';
        if (spec.sharp && (i == 0 || spec.space)) cut += spec.verb == 'x' ? "0x" : "0X";
        cut += spec.verb == 'x' ? fmt::format("{:02x}", static_cast<unsigned char>(text[i]))
                                : fmt::format("{:02X}", static_cast<unsigned char>(text[i]));
      }
      return pad(out, cut, spec);
    default: return bad_verb(out, value, spec);
  }
}

std::string go_syntax_prefix(const Val& value) { return type_name(value) + "{"; }

void format_container(std::string& out, const Val& value, const Spec& spec, int depth) {
  constexpr int kMaxDepth = 1000;
  if (depth > kMaxDepth) {
    out += "...";
    return;
  }
  const bool go_syntax = spec.sharp && spec.verb == 'v';
  const std::string_view gap = go_syntax ? ", " : " ";
  bool first = true;
  const auto element = [&](const Val& item) {
    if (go_syntax && item.is_nil())
      out += "interface {}(nil)";
    else
      format_value(out, item, spec, depth + 1);
  };
  if (value.is_list()) {
    out += go_syntax ? go_syntax_prefix(value) : "[";
    for (const auto& item : value.as_list().items) {
      if (!first) out += gap;
      first = false;
      element(item);
    }
    out += go_syntax ? "}" : "]";
    return;
  }
  out += go_syntax ? go_syntax_prefix(value) : "map[";
  for (const auto& [key, item] : value.as_map().items) {
    if (!first) out += gap;
    first = false;
    format_value(out, Val(key), spec, depth + 1);
    out += ':';
    element(item);
  }
  out += go_syntax ? "}" : "]";
}

void format_value(std::string& out, const Val& value, const Spec& spec, int depth) {
  if (spec.verb == 'T') return pad(out, type_name(value), spec);
  if (value.is_nil()) {
    if (spec.verb == 'v') return pad(out, "<nil>", spec);
    return bad_verb(out, value, spec);
  }
  switch (value.kind()) {
    case Kind::boolean:
      if (spec.verb != 't' && spec.verb != 'v') return bad_verb(out, value, spec);
      return pad(out, value.as_bool() ? "true" : "false", spec);
    case Kind::float64: return format_float_value(out, value, spec);
    case Kind::string: return format_string(out, value, spec);
    case Kind::list:
    case Kind::map: return format_container(out, value, spec, depth);
    case Kind::object: {
      const Val text(value.as_object().to_string());
      if (spec.verb == 'v' || spec.verb == 's' || spec.verb == 'q') return format_string(out, text, spec);
      return bad_verb(out, value, spec);
    }
    default: return format_integer(out, value, spec);
  }
}

class Formatter {
 public:
  Formatter(std::string_view format, std::span<const Val> args) : format_(format), args_(args) {}

  std::string run() {
    while (at_ < format_.size()) {
      const auto percent = format_.find('%', at_);
      out_ += format_.substr(at_, percent - at_);
      if (percent == std::string_view::npos) break;
      at_ = percent + 1;
      directive();
    }
    if (!reordered_ && next_ < args_.size()) extra();
    return std::move(out_);
  }

 private:
  void directive() {
    Spec spec;
    after_index_ = false;
    good_index_ = true;
    for (bool more = true; more && at_ < format_.size();) {
      switch (format_[at_]) {
        case '+': spec.plus = true; break;
        case '-':
          spec.minus = true;
          spec.zero = false;
          break;
        case '#': spec.sharp = true; break;
        case ' ': spec.space = true; break;
        case '0': spec.zero = !spec.minus; break;
        default: more = false; break;
      }
      if (more) ++at_;
    }
    index();
    read_size(spec.width, spec, true);
    if (at_ < format_.size() && format_[at_] == '.') {
      ++at_;
      if (after_index_) good_index_ = false;
      index();
      spec.precision = 0;
      read_size(spec.precision, spec, false);
    }
    if (!after_index_) index();
    if (at_ >= format_.size()) {
      out_ += "%!(NOVERB)";
      return;
    }
    spec.verb = next_rune(format_, at_);
    finish(spec);
  }

  void finish(const Spec& spec) {
    if (spec.verb == '%') {
      out_ += '%';
    } else if (!good_index_) {
      out_ += "%!" + verb_text(spec.verb) + "(BADINDEX)";
    } else if (next_ >= args_.size()) {
      out_ += "%!" + verb_text(spec.verb) + "(MISSING)";
    } else {
      format_value(out_, args_[next_++], spec, 0);
    }
  }

  // A number or '*'.
  void read_size(int& size, Spec& spec, bool width) {
    if (at_ < format_.size() && format_[at_] == '*') {
      ++at_;
      if (next_ < args_.size() && args_[next_].is_integer() && std::abs(args_[next_].as_int()) <= kMaxWidth) {
        size = static_cast<int>(args_[next_].as_int());
        if (width && size < 0) {
          size = -size;
          spec.minus = true;
          spec.zero = false;
        }
        if (!width && size < 0) size = -1;
      } else {
        out_ += width ? "%!(BADWIDTH)" : "%!(BADPREC)";
      }
      ++next_;
      after_index_ = false;
      return;
    }
    bool any = false;
    int number = 0;
    while (at_ < format_.size() && format_[at_] >= '0' && format_[at_] <= '9' && number <= kMaxWidth) {
      number = number * 10 + (format_[at_++] - '0');
      any = true;
    }
    if (!any) return;
    if (after_index_) good_index_ = false;  // "%[3]2d"
    size = number <= kMaxWidth ? number : size;
  }

  // "[n]" selects the next argument.
  void index() {
    if (at_ >= format_.size() || format_[at_] != '[') return;
    reordered_ = true;
    const auto close = format_.find(']', at_);
    if (close == std::string_view::npos) {
      good_index_ = false;
      ++at_;
      return;
    }
    std::size_t number = 0;
    bool digits = close > at_ + 1;
    for (std::size_t i = at_ + 1; i < close; ++i) {
      if (format_[i] < '0' || format_[i] > '9' || number > args_.size())
        digits = false;
      else
        number = number * 10 + static_cast<std::size_t>(format_[i] - '0');
    }
    at_ = close + 1;
    if (!digits || number < 1 || number > args_.size()) {
      good_index_ = false;
      return;
    }
    next_ = number - 1;
    after_index_ = true;
  }

  void extra() {
    out_ += "%!(EXTRA ";
    for (std::size_t i = next_; i < args_.size(); ++i) {
      if (i > next_) out_ += ", ";
      if (args_[i].is_nil())
        out_ += "<nil>";
      else
        out_ += type_name(args_[i]) + "=" + to_string(args_[i]);
    }
    out_ += ")";
  }

  std::string_view format_;
  std::span<const Val> args_;
  std::size_t at_ = 0, next_ = 0;
  bool reordered_ = false, after_index_ = false, good_index_ = true;
  std::string out_;
};

}  // namespace

std::string sprintf(std::string_view format, std::span<const Val> args) { return Formatter(format, args).run(); }

std::string sprint(std::span<const Val> args) {
  std::string out;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (i > 0 && !args[i].is_string() && !args[i - 1].is_string()) out += ' ';
    out += to_string(args[i]);
  }
  return out;
}

std::string sprintln(std::span<const Val> args) {
  std::string out;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (i > 0) out += ' ';
    out += to_string(args[i]);
  }
  return out + "\n";
}

}  // namespace nautilus::gotmpl
