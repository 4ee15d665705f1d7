// A command as the payload of a journal record, and back.
//
// Encoding 1: a u32 mask of the fields that differ from their default, then those fields in the order of their bits:
//   0 side u8 · 1 order_type u8 · 2 time_in_force u8 · 3 self_trade u8 · 4 phase u8 · 5 engine_state u8 ·
//   6 post_only (the bit is the value) · 7 enabled (the bit is the value) · 8 instrument u32 · 9 account u32 ·
//   10 session u64 · 11 price i64 · 12 stop_price i64 · 13 quantity i64 · 14 display_quantity i64 · 15 expire_at i64 ·
//   16 order_id u64 · 17 epoch u64 · 18 state_hash u64 · 19 client_tag u64 · 20 client_id · 21 orig_client_id
//   (u8 length, characters) · 22 instrument_definition · 23 account_definition (u16 bytes that follow, then the
//   fields in the order of the struct, names as u8 length and characters; a definition that ends early has defaults)
// A bit this program does not know means a newer program wrote it: refused, never skipped.
// `reserved` fields are not kept. Threading: pure. Nothing allocates except an error.
#pragma once

#include "core/base/error.h"
#include "engine/journal/format.h"
#include "engine/model/command.h"

namespace nautilus::engine {

// Writes the whole record (header, payload, padding) to `out`, which has kMaxRecordBytes; returns its length.
std::size_t encode_record(const Command& command, std::byte* out);

// Reads the record at the start of `bytes` (which may go on behind it) into `out`, all fields; returns its length.
// Code::invalid names what is wrong: the length, the CRC (expected and found), the type, an enumerator, an unknown
// field. The caller adds file, offset and sequence.
Result<std::size_t> decode_record(std::span<const std::byte> bytes, Command& out);

// Whether decode_record will take what encode_record makes of this: every enumerator exists, every text fits. What is
// not so must never reach a journal, because the engine would not start again.
bool can_be_read_back(const Command& command);

// The header of a record without checking its CRC: for what skips and what names.
struct RecordHeader {
  std::uint32_t crc = 0;
  std::uint16_t length = 0;
  std::uint8_t type = 0;
  Sequence sequence = 0;
  Timestamp time = 0;
};
std::optional<RecordHeader> peek_record(std::span<const std::byte> bytes);

}  // namespace nautilus::engine
