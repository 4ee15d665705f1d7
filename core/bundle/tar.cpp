#include "core/bundle/tar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "core/value/escape.h"

namespace nautilus::bundle {

namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kNameField = 100, kPrefixField = 155, kPrefixAt = 345, kChecksumAt = 148, kTypeAt = 156;
constexpr std::size_t kSizeAt = 124, kMagicAt = 257;
constexpr std::string_view kMagic{"ustar\00000", 8};

using Header = std::array<char, kBlock>;

void put(Header& header, std::size_t at, std::string_view text) {
  std::copy(text.begin(), text.end(), header.begin() + static_cast<std::ptrdiff_t>(at));
}

// The sum of all bytes with the checksum's own field as blanks.
unsigned checksum(std::string_view header) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i)
    sum += i >= kChecksumAt && i < kChecksumAt + 8 ? unsigned{' '} : static_cast<unsigned char>(header[i]);
  return sum;
}

Result<Header> header_of(const TarFile& file) {
  std::string prefix, name = file.name;
  if (name.size() > kNameField) {
    // The shortest head that leaves a tail that fits.
    const auto slash = name.find('/', name.size() - kNameField - 1);
    if (slash == std::string::npos || slash > kPrefixField)
      return Error(Code::limit, fmt::format("the name {:?} is too long for an archive", file.name));
    prefix = name.substr(0, slash);
    name.erase(0, slash + 1);
  }
  if (file.data.size() > 077777777777u) return Error(Code::limit, fmt::format("{} is too large", file.name));
  Header header{};
  put(header, 0, name);
  put(header, 100, "0000644");
  put(header, 108, "0000000");
  put(header, 116, "0000000");
  put(header, kSizeAt, fmt::format("{:011o}", file.data.size()));
  put(header, 136, "00000000000");
  header[kTypeAt] = '0';
  put(header, kMagicAt, kMagic);
  put(header, kPrefixAt, prefix);
  put(header, kChecksumAt, fmt::format("{:06o}", checksum({header.data(), kBlock})));
  header[kChecksumAt + 7] = ' ';
  return header;
}

std::string_view field(std::string_view header, std::size_t at, std::size_t size) {
  const std::string_view whole = header.substr(at, size);
  return whole.substr(0, whole.find('\0'));
}

Result<std::uint64_t> octal(std::string_view text) {
  while (text.ends_with(' ')) text.remove_suffix(1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 8);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    return Error(Code::invalid, "a number in the archive is none");
  return number;
}

bool is_zero(std::string_view block) { return block.find_first_not_of('\0') == std::string_view::npos; }

Result<std::string> name_of(std::string_view header) {
  const std::string_view prefix = field(header, kPrefixAt, kPrefixField), rest = field(header, 0, kNameField);
  std::string name = prefix.empty() ? std::string(rest) : fmt::format("{}/{}", prefix, rest);
  if (!is_safe_name(name))
    return Error(Code::refused, fmt::format("{:?} is no name of a file in an archive", value::escape_control(name)));
  if (header[kTypeAt] != '0' && header[kTypeAt] != '\0')
    return Error(Code::refused, fmt::format("{} is not a plain file", name));
  return name;
}

}  // namespace

bool is_safe_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxTarName || name.front() == '/') return false;
  for (char c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\') return false;
  for (std::size_t from = 0; from <= name.size();) {
    const auto to = std::min(name.find('/', from), name.size());
    const std::string_view part = name.substr(from, to - from);
    if (part.empty() || part == "." || part == "..") return false;
    from = to + 1;
  }
  return true;
}

Result<std::string> write_tar(const std::vector<TarFile>& files) {
  if (files.size() > kMaxTarEntries) return Error(Code::limit, fmt::format("more than {} files", kMaxTarEntries));
  std::string out;
  std::set<std::string_view> names;
  for (const TarFile& file : files) {
    if (!is_safe_name(file.name)) return Error(Code::invalid, fmt::format("{:?} cannot be in an archive", file.name));
    if (!names.insert(file.name).second) return Error(Code::invalid, fmt::format("{} is there twice", file.name));
    ASSIGN_OR_RETURN(const Header header, header_of(file));
    out.append(header.data(), kBlock);
    out += file.data;
    out.append((kBlock - file.data.size() % kBlock) % kBlock, '\0');
  }
  out.append(2 * kBlock, '\0');
  return out;
}

Result<std::vector<TarFile>> read_tar(std::string_view bytes) {
  std::vector<TarFile> files;
  std::set<std::string> names;
  std::size_t at = 0;
  while (true) {
    if (bytes.size() - at < kBlock) return Error(Code::invalid, "the archive ends too early");
    const std::string_view header = bytes.substr(at, kBlock);
    if (is_zero(header)) break;
    ASSIGN_OR_RETURN(const std::uint64_t sum, octal(field(header, kChecksumAt, 7)));
    if (sum != checksum(header)) return Error(Code::invalid, "not a tar archive, or a damaged one");
    if (header.substr(kMagicAt, 5) != "ustar") return Error(Code::invalid, "not an archive of this format (ustar)");
    if (files.size() == kMaxTarEntries) return Error(Code::limit, fmt::format("more than {} files", kMaxTarEntries));
    ASSIGN_OR_RETURN(std::string name, name_of(header));
    if (!names.insert(name).second) return Error(Code::invalid, fmt::format("{} is there twice", name));
    ASSIGN_OR_RETURN(const std::uint64_t size, octal(field(header, kSizeAt, 12)));
    at += kBlock;
    if (size > bytes.size() - at) return Error(Code::invalid, fmt::format("the archive ends within {}", name));
    files.push_back({std::move(name), std::string(bytes.substr(at, size))});
    at += size;
    const std::size_t padding = (kBlock - size % kBlock) % kBlock;
    if (padding > bytes.size() - at) return Error(Code::invalid, "the archive ends too early");
    at += padding;
  }
  if (!is_zero(bytes.substr(at))) return Error(Code::invalid, "there is something behind the end of the archive");
  return files;
}

}  // namespace nautilus::bundle
