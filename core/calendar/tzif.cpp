// The compiled time zone file of RFC 9636: the second block, with 64-bit times, and the rule in its last line.
#include "core/calendar/zone.h"

namespace nautilus::calendar {

namespace {

// Big-endian reads that stop at the end; `good` says whether all of them were inside.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : rest_(bytes) {}
  bool good = true;

  std::string_view take(std::size_t size) {
    if (size > rest_.size()) {
      good = false;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (const char c : take(size)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

struct Header {
  bool good = false;
  char version = 0;
  std::size_t utc_flags = 0, standard_flags = 0, leaps = 0, times = 0, types = 0, letters = 0;
  std::size_t size(std::size_t width) const {
    return times * width + times + types * 6 + letters + leaps * (width + 4) + standard_flags + utc_flags;
  }
};

Header header_of(Bytes& bytes) {
  Header header;
  const bool magic = bytes.take(4) == "TZif";
  header.version = static_cast<char>(bytes.number(1));
  bytes.take(15);
  header.utc_flags = bytes.number(4);
  header.standard_flags = bytes.number(4);
  header.leaps = bytes.number(4);
  header.times = bytes.number(4);
  header.types = bytes.number(4);
  header.letters = bytes.number(4);
  header.good = magic && bytes.good && header.times <= kMaxZoneTransitions && header.types >= 1 &&
                header.types <= 256 && header.letters <= 4096 && header.leaps <= 4096 &&
                header.standard_flags <= header.types && header.utc_flags <= header.types;
  return header;
}

}  // namespace

Result<Zone> Zone::from_tzif(std::string name, std::string_view data) {
  const auto wrong = [&](std::string_view what) {
    return Error(Code::invalid, "time zone " + name + ": its file is " + std::string(what),
                 "reinstall the system's tzdata, or name another zone");
  };
  if (data.size() > kMaxZoneFile) return wrong("too large");
  Bytes bytes(data);
  const Header old = header_of(bytes);
  if (!old.good) return wrong("no TZif file");
  if (old.version < '2') return wrong("of version 1, which ends in 2038");
  bytes.take(old.size(4));
  const Header header = header_of(bytes);
  if (!header.good) return wrong("cut off or damaged");
  std::vector<std::int64_t> times(header.times);
  for (auto& time : times) time = static_cast<std::int64_t>(bytes.number(8));
  const std::string_view kinds = bytes.take(header.times);
  struct Type {
    std::int32_t east = 0;
    std::size_t letter = 0;
  };
  std::vector<Type> types(header.types);
  for (auto& type : types) {
    type.east = static_cast<std::int32_t>(static_cast<std::uint32_t>(bytes.number(4)));
    bytes.take(1);
    type.letter = bytes.number(1);
  }
  const std::string_view letters = bytes.take(header.letters);
  bytes.take(header.leaps * 12 + header.standard_flags + header.utc_flags);
  const std::string_view footer = bytes.rest();
  if (!bytes.good || footer.size() < 2 || footer.front() != '\n' || footer.back() != '\n')
    return wrong("cut off or damaged");
  const auto offset_of = [&](std::size_t kind) -> std::optional<Offset> {
    if (kind >= types.size() || types[kind].letter >= letters.size()) return std::nullopt;
    if (types[kind].east < -93'600 || types[kind].east > 93'600) return std::nullopt;  // 26 hours, as RFC 9636 says
    const std::string_view at = letters.substr(types[kind].letter);
    return Offset{std::chrono::seconds(types[kind].east), std::string(at.substr(0, at.find('\0')))};
  };
  Zone zone;
  const auto first = offset_of(0);
  if (!first) return wrong("damaged");
  zone.before_ = *first;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto after = offset_of(static_cast<unsigned char>(kinds[i]));
    if (!after || (i > 0 && times[i] <= times[i - 1])) return wrong("damaged");
    zone.transitions_.push_back({sys_seconds(std::chrono::seconds(times[i])), *after});
  }
  auto rule = parse_clock_rule(footer.substr(1, footer.size() - 2));
  if (!rule.ok()) return wrong("without a rule for the years to come");
  zone.rule_ = std::move(*rule);
  zone.name_ = std::move(name);
  return zone;
}

}  // namespace nautilus::calendar
