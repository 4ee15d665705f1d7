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

}  // namespace nautilus::engine
