#include "core/sim/api/protobuf.h"

#include <cstring>
#include <map>
#include <optional>

#include "core/sim/api/times.h"

namespace nautilus::sim {
namespace {

constexpr int kDeepest = 60;
constexpr std::string_view kMagic{"k8s\0", 4};

struct Piece {
  int number = 0, wire = 0;
  std::uint64_t integer = 0;  // wire 0, 1, 5
  std::string_view bytes;     // wire 2
};

class Cursor {
 public:
  explicit Cursor(std::string_view data) : data_(data) {}
  bool failed = false;

  // False at the end, or with `failed` set.
  bool next(Piece& piece) {
    if (data_.empty()) return false;
    std::uint64_t key;
    if (!varint(key)) return false;
    piece.number = static_cast<int>(key >> 3);
    piece.wire = static_cast<int>(key & 7);
    switch (piece.wire) {
      case 0: return varint(piece.integer);
      case 1: return fixed(8, piece.integer);
      case 5: return fixed(4, piece.integer);
      case 2: {
        std::uint64_t length;
        if (!varint(length)) return false;
        if (length > data_.size()) return fail();
        piece.bytes = data_.substr(0, length);
        data_.remove_prefix(length);
        return true;
      }
      default: return fail();
    }
  }

 private:
  bool fail() { return failed = true, false; }
  bool varint(std::uint64_t& out) {
    out = 0;
    for (int shift = 0; shift < 64 && !data_.empty(); shift += 7) {
      auto byte = static_cast<unsigned char>(data_.front());
      data_.remove_prefix(1);
      out |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (!(byte & 0x80)) return true;
    }
    return fail();
  }
  bool fixed(std::size_t size, std::uint64_t& out) {
    if (data_.size() < size) return fail();
    out = 0;
    for (std::size_t i = 0; i < size; ++i)
      out |= static_cast<std::uint64_t>(static_cast<unsigned char>(data_[i])) << (8 * i);
    data_.remove_prefix(size);
    return true;
  }
  std::string_view data_;
};

std::string base64(std::string_view in) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((in.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < in.size(); i += 3) {
    auto byte = [&](std::size_t k) {
      return k < in.size() ? static_cast<unsigned>(static_cast<unsigned char>(in[k])) : 0u;
    };
    unsigned n = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out += kDigits[n >> 18];
    out += kDigits[n >> 12 & 63];
    out += i + 1 < in.size() ? kDigits[n >> 6 & 63] : '=';
    out += i + 2 < in.size() ? kDigits[n & 63] : '=';
  }
  return out;
}

class Decoder {
 public:
  std::string error;

  Json object(std::string_view data, const Struct& type, int depth) {
    Json made = Json::object();
    if (depth > kDeepest) return fail("nested too deeply"), made;
    read_fields(data, type, 0, made, depth);
    return made;
  }

 private:
  void fail(const char* what) {
    if (error.empty()) error = what;
  }

  // Fields of `type`, as they lie in a message: `outer` = 0 for the struct itself, else the embedded struct in that
  // field.
  void read_fields(std::string_view data, const Struct& type, int outer, Json& made, int depth) {
    Cursor cursor(data);
    Piece piece;
    while (cursor.next(piece)) {
      const Field* field = nullptr;
      bool embeds = false;
      for (const Field& f : type.fields()) {
        if (f.outer == outer && f.number == piece.number && f.number) field = &f;
        if (outer == 0 && f.outer == piece.number && f.outer) embeds = true;
      }
      if (field)
        put(made, *field, piece, depth);
      else if (embeds && piece.wire == 2)
        read_fields(piece.bytes, type, piece.number, made, depth + 1);
    }
    if (cursor.failed) fail("truncated or malformed message");
  }

  void put(Json& made, const Field& field, const Piece& piece, int depth) {
    const Type& type = field.type;
    if (type.shape == Shape::list) {
      Json& list = made[field.name];
      if (!list.is_array()) list = Json::array();
      if (auto v = scalar(*type.element, piece, depth)) list.push_back(std::move(*v));
      return;
    }
    if (type.shape == Shape::map) {
      Json& map = made[field.name];
      if (!map.is_object()) map = Json::object();
      Cursor entry(piece.bytes);
      Piece part;
      std::string key;
      std::optional<Json> v;
      while (entry.next(part)) {
        if (part.number == 1)
          key = part.bytes;
        else if (part.number == 2)
          v = element(*type.element, part, depth);
      }
      map[key] = v ? std::move(*v) : Json("");
      return;
    }
    if (auto v = scalar(type, piece, depth)) made[field.name] = std::move(*v);
  }

  // A map's value; a list there is a message of its own with the items in field 1.
  std::optional<Json> element(const Type& type, const Piece& piece, int depth) {
    if (type.shape != Shape::list) return scalar(type, piece, depth);
    Json list = Json::array();
    Cursor cursor(piece.bytes);
    Piece part;
    while (cursor.next(part))
      if (auto v = scalar(*type.element, part, depth)) list.push_back(std::move(*v));
    return list;
  }

  std::optional<Json> scalar(const Type& type, const Piece& piece, int depth) {
    switch (type.shape) {
      case Shape::string: return Json(std::string(piece.bytes));
      case Shape::bytes: return Json(base64(piece.bytes));
      case Shape::int32:
      case Shape::int64: return Json(static_cast<std::int64_t>(piece.integer));
      case Shape::boolean: return Json(piece.integer != 0);
      case Shape::number: {
        double v;
        std::memcpy(&v, &piece.integer, sizeof v);
        return Json(v);
      }
      case Shape::object: return object(piece.bytes, *type.object, depth + 1);
      case Shape::quantity: {
        Cursor cursor(piece.bytes);
        Piece part;
        std::string text = "0";
        while (cursor.next(part))
          if (part.number == 1 && !part.bytes.empty()) text = part.bytes;
        return Json(text);
      }
      case Shape::int_or_string: {
        Cursor cursor(piece.bytes);
        Piece part;
        bool is_text = false;
        std::int64_t number = 0;
        std::string text;
        while (cursor.next(part)) {
          if (part.number == 1)
            is_text = part.integer == 1;
          else if (part.number == 2)
            number = static_cast<std::int32_t>(part.integer);
          else if (part.number == 3)
            text = part.bytes;
        }
        return is_text ? Json(text) : Json(number);
      }
      case Shape::time:
      case Shape::micro_time: {
        Cursor cursor(piece.bytes);
        Piece part;
        bool any = false;
        std::int64_t seconds = 0, nanos = 0;
        while (cursor.next(part)) {
          any = true;
          if (part.number == 1)
            seconds = static_cast<std::int64_t>(part.integer);
          else if (part.number == 2)
            nanos = static_cast<std::int32_t>(part.integer);
        }
        if (!any) return std::nullopt;  // the zero time
        constexpr std::int64_t kMostSeconds = 9000000000;
        if (seconds < -kMostSeconds || seconds > kMostSeconds) return std::nullopt;
        port::WallTime time(std::chrono::seconds(seconds) + std::chrono::nanoseconds(nanos));
        return Json(type.shape == Shape::time ? format_rfc3339(time) : format_micro(time));
      }
      case Shape::any: {  // FieldsV1, RawExtension, JSON: field 1 holds JSON text
        Cursor cursor(piece.bytes);
        Piece part;
        while (cursor.next(part))
          if (part.number == 1 && part.wire == 2) {
            auto parsed = value::parse_json(part.bytes, "raw");
            if (parsed.ok()) return std::move(*parsed);
          }
        return std::nullopt;
      }
      default: return std::nullopt;
    }
  }
};

}  // namespace

FromProtobuf read_protobuf(std::string_view body,
                           const std::function<const Struct*(const std::string&, const std::string&)>& type_of) {
  FromProtobuf result;
  if (!body.starts_with(kMagic)) {
    result.error = "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]";
    return result;
  }
  std::string api_version, kind;
  std::string_view raw;
  Cursor cursor(body.substr(kMagic.size()));
  Piece piece;
  while (cursor.next(piece)) {
    if (piece.number == 2) raw = piece.bytes;
    if (piece.number != 1) continue;
    Cursor meta(piece.bytes);
    Piece part;
    while (meta.next(part)) {
      if (part.number == 1) api_version = part.bytes;
      if (part.number == 2) kind = part.bytes;
    }
  }
  const Struct* type = cursor.failed ? nullptr : type_of(api_version, kind);
  if (!type) {
    result.error = cursor.failed ? "malformed message"
                                 : "no kind \"" + kind + "\" is registered for version \"" + api_version + "\"";
    return result;
  }
  Decoder decoder;
  result.value = decoder.object(raw, *type, 0);
  result.error = decoder.error;
  result.value["apiVersion"] = api_version;
  result.value["kind"] = kind;
  return result;
}

}  // namespace nautilus::sim
