#include "engine/journal/batch.h"

#include <fmt/format.h>

#include <algorithm>

namespace nautilus::engine {

BatchBuilder::BatchBuilder(std::uint32_t max_records)
    : buffer_(kBatchHeaderBytes + kMaxBatchBytes), max_records_(std::clamp(max_records, 1u, kMaxBatchRecords)) {}

void BatchBuilder::begin(Epoch epoch) {
  header_ = {};
  header_.epoch = epoch;
  size_ = kBatchHeaderBytes;
}

void BatchBuilder::add(const Command& command) {
  if (header_.count == 0) header_.first_sequence = command.sequence;
  size_ += encode_record(command, buffer_.data() + size_);
  ++header_.count;
}

std::span<const std::byte> BatchBuilder::finish(std::uint32_t seed) {
  header_.length = static_cast<std::uint32_t>(size_ - kBatchHeaderBytes);
  encode(header_, seed, std::span(buffer_).first<kBatchHeaderBytes>());
  return std::span(buffer_).first(size_);
}

Result<> BatchCursor::next(Command& out) {
  auto length = decode_record(records_.subspan(at_), out);
  if (!length.ok()) return std::move(length).error().within(fmt::format("record {}", next_));
  if (out.sequence != next_)
    return Error(Code::invalid, fmt::format("sequence {} where {} belongs", out.sequence, next_));
  at_ += *length;
  ++next_;
  if (--left_ == 0 && at_ != records_.size())
    return Error(Code::invalid, fmt::format("{} bytes behind the last record of the batch", records_.size() - at_));
  return {};
}

Result<BatchHeader> check_batch(std::span<const std::byte> batch, std::uint32_t seed) {
  const auto header = decode_batch_header(batch, seed);
  if (!header) return Error(Code::invalid, "not a batch of this journal");
  if (batch.size() != kBatchHeaderBytes + header->length)
    return Error(Code::invalid,
                 fmt::format("a batch of {} bytes in {}", kBatchHeaderBytes + header->length, batch.size()));
  BatchCursor cursor(*header, batch);
  Command command;
  while (!cursor.done()) TRY(cursor.next(command));
  return *header;
}

namespace {

// Changes each bit of bytes [from, to) that are not zero, one at a time, until `right` says so.
template <class Right>
std::optional<std::size_t> try_bits(std::span<std::byte> bytes, std::size_t from, std::size_t to, Right right) {
  for (std::size_t bit = from * 8; bit < to * 8; ++bit) {
    std::byte& byte = bytes[bit / 8];
    if (byte == std::byte{}) continue;
    const auto mask = static_cast<std::byte>(1u << bit % 8);
    byte ^= mask;
    const bool found = right();
    byte ^= mask;
    if (found) return bit;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::size_t> flipped_bit(std::span<const std::byte> found, std::uint32_t seed) {
  std::vector<std::byte> bytes(found.begin(), found.end());
  if (bytes.size() < kBatchHeaderBytes) return std::nullopt;
  const auto whole = [&] {
    const auto header = decode_batch_header(bytes, seed);
    return header && !header->closes() && bytes.size() >= kBatchHeaderBytes + header->length &&
           check_batch(std::span(bytes).first(kBatchHeaderBytes + header->length), seed).ok();
  };
  const auto header = decode_batch_header(bytes, seed);
  if (!header) return try_bits(bytes, 0, kBatchHeaderBytes, whole);
  if (bytes.size() < kBatchHeaderBytes + header->length) return std::nullopt;
  const auto batch = std::span(bytes).first(kBatchHeaderBytes + header->length);
  BatchCursor cursor(*header, batch);
  Command command;
  while (!cursor.done() && cursor.next(command).ok()) {}
  const std::size_t at = cursor.offset();
  // The record first: the whole batch is looked at only when that is right.
  return try_bits(bytes, at, std::min(at + kMaxRecordBytes, batch.size()),
                  [&] { return decode_record(std::span(bytes).subspan(at), command).ok() && whole(); });
}

namespace {

// What is in the header of a batch whose CRC was checked before.
BatchHeader header_of(std::span<const std::byte> batch) {
  const std::byte* p = batch.data();
  return {fetch<std::uint32_t>(p + 8), fetch<std::uint32_t>(p + 12), fetch<Sequence>(p + 16), fetch<Epoch>(p + 24)};
}

}  // namespace

std::vector<std::byte> slice_batch(std::span<const std::byte> batch, Sequence from, Sequence to, std::uint32_t seed) {
  BatchHeader header = header_of(batch);
  std::size_t at = kBatchHeaderBytes, begin = 0, end = 0;
  for (Sequence n = header.first_sequence; n <= to; ++n) {
    if (n == from) begin = at;
    at += fetch<std::uint16_t>(batch.data() + at + 4);
    end = at;
  }
  header.first_sequence = from, header.count = static_cast<std::uint32_t>(to - from + 1);
  header.length = static_cast<std::uint32_t>(end - begin);
  std::vector<std::byte> out(kBatchHeaderBytes);
  append_bytes(out, batch.subspan(begin, header.length));
  encode(header, seed, std::span(out).first<kBatchHeaderBytes>());
  return out;
}

std::vector<std::byte> join_batches(std::span<const std::span<const std::byte>> batches, std::uint32_t seed) {
  BatchHeader header = header_of(batches.front());
  std::vector<std::byte> out(batches.front().begin(), batches.front().end());
  for (const auto& batch : batches.subspan(1)) {
    append_bytes(out, batch.subspan(kBatchHeaderBytes));
    header.count += header_of(batch).count, header.length += header_of(batch).length;
  }
  encode(header, seed, std::span(out).first<kBatchHeaderBytes>());
  return out;
}

}  // namespace nautilus::engine
