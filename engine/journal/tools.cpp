#include "engine/journal/tools.h"

#include <fmt/format.h>

#include <chrono>

#include "core/port/wall_time.h"

namespace nautilus::engine {
namespace {

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

void field(std::string& line, std::string_view key, std::int64_t value, std::int64_t absent) {
  if (value != absent) line += fmt::format(",\"{}\":{}", key, value);
}
void field(std::string& line, std::string_view key, std::uint64_t value) {
  if (value) line += fmt::format(",\"{}\":{}", key, value);
}

std::string record_line(const Command& c, Epoch epoch) {
  std::string line = fmt::format("{{\"kind\":\"record\",\"sequence\":{},\"time\":\"{}\",\"epoch\":{},\"type\":{}",
                                 c.sequence, utc_microseconds(c.time), epoch, json_text(name(c.type)));
  if (c.instrument != kNoInstrument) line += fmt::format(",\"instrument\":{}", c.instrument);
  if (c.account != kNoAccount) line += fmt::format(",\"account\":{}", c.account);
  field(line, "session", c.session);
  if (c.type == CommandType::new_order || c.type == CommandType::replace_order) {
    line += fmt::format(",\"side\":{},\"order_type\":{},\"time_in_force\":{}", json_text(name(c.side)),
                        json_text(name(c.order_type)), json_text(name(c.time_in_force)));
  }
  field(line, "price", c.price, kNoPrice), field(line, "stop_price", c.stop_price, kNoPrice);
  field(line, "quantity", c.quantity, 0), field(line, "display_quantity", c.display_quantity, 0);
  field(line, "order_id", c.order_id);
  if (!c.client_id.empty()) line += ",\"client_id\":" + json_text(c.client_id.view());
  if (!c.orig_client_id.empty()) line += ",\"orig_client_id\":" + json_text(c.orig_client_id.view());
  if (c.type == CommandType::set_phase) line += ",\"phase\":" + json_text(name(c.phase));
  if (c.type == CommandType::set_engine_state) line += ",\"engine_state\":" + json_text(name(c.engine_state));
  if (c.type == CommandType::checkpoint) line += fmt::format(",\"state_hash\":\"{:016x}\"", c.state_hash);
  if (c.type == CommandType::begin_epoch) line += fmt::format(",\"begins\":{}", c.epoch);
  if (c.type == CommandType::define_instrument)
    line += ",\"symbol\":" + json_text(c.instrument_definition.symbol.view());
  if (c.type == CommandType::define_account) line += ",\"name\":" + json_text(c.account_definition.name.view());
  return line + "}";
}

Result<> inspect_snapshots(Storage& storage, const LineSink& out) {
  ASSIGN_OR_RETURN(const auto names, list_snapshots(storage));
  for (const std::string& file : names) {
    auto info = verify_snapshot(storage, file);
    if (!info.ok()) {
      TRY(out(fmt::format("{{\"kind\":\"snapshot\",\"file\":{},\"damage\":{}}}", json_text(file),
                          json_text(info.error().message))));
      continue;
    }
    TRY(out(fmt::format(
        "{{\"kind\":\"snapshot\",\"file\":{},\"sequence\":{},\"epoch\":{},\"time\":\"{}\",\"state_hash\":\"{:016x}\","
        "\"body_bytes\":{},\"stands_alone\":{}}}",
        json_text(file), info->sequence, info->epoch, utc_microseconds(info->time), info->state_hash, info->body_bytes,
        info->stands_alone)));
  }
  return {};
}

Result<> inspect_segments(Storage& storage, const LineSink& out) {
  ASSIGN_OR_RETURN(const auto segments, list_segments(storage));
  for (const SegmentFile& segment : segments) {
    ASSIGN_OR_RETURN(auto file, storage.open_read(segment.name));
    ASSIGN_OR_RETURN(const auto head, file->read(0, kSegmentHeaderBytes));
    auto header = decode_segment_header(head);
    if (!header.ok()) {
      TRY(out(fmt::format("{{\"kind\":\"segment\",\"file\":{},\"damage\":{}}}", json_text(segment.name),
                          json_text(header.error().message))));
      continue;
    }
    TRY(out(fmt::format(
        "{{\"kind\":\"segment\",\"file\":{},\"version\":{},\"journal\":\"{}\",\"first_sequence\":{},\"epoch\":{},"
        "\"created\":\"{}\",\"bytes\":{}}}",
        json_text(segment.name), header->version, header->journal.text(), header->first_sequence, header->epoch,
        utc_microseconds(header->created), file->size())));
  }
  return {};
}

// Goes through every batch and record; `each` is called for every record.
Result<JournalEnd> read_all(Storage& storage, Sequence from, Sequence to,
                            const std::function<Result<>(const Command&, Epoch)>& each, VerifyReport* report) {
  ASSIGN_OR_RETURN(auto reader, JournalReader::open(storage, from));
  Command command;
  for (;;) {
    ASSIGN_OR_RETURN(const auto batch, reader.next());
    if (!batch) return reader.end();
    if (report) ++report->batches, report->last_epoch = batch->header.epoch;
    BatchCursor cursor(batch->header, batch->bytes);
    while (!cursor.done()) {
      if (auto read = cursor.next(command); !read.ok())
        return reader.at_record(std::move(read).error(), batch->offset, cursor);
      if (command.sequence >= from && command.sequence <= to) TRY(each(command, batch->header.epoch));
    }
  }
}

bool for_audit(EventType type) { return type < EventType::level_changed || type >= EventType::engine_state_changed; }

std::string audit_line(const Event& e, AuditFormat format) {
  const auto number = [](std::int64_t value, std::int64_t absent) {
    return value == absent ? std::string() : std::to_string(value);
  };
  const std::string fields[] = {utc_microseconds(e.time),
                                std::to_string(e.sequence),
                                std::string(name(e.type)),
                                e.reason == Reason::none ? "" : std::string(name(e.reason)),
                                number(e.instrument, kNoInstrument),
                                number(e.account, kNoAccount),
                                e.account_sequence ? std::to_string(e.account_sequence) : "",
                                e.session ? std::to_string(e.session) : "",
                                e.order_id ? std::to_string(e.order_id) : "",
                                std::string(e.client_id.view()),
                                std::string(e.orig_client_id.view()),
                                for_audit(e.type) && e.order_id ? std::string(name(e.side)) : "",
                                e.order_id ? std::string(name(e.order_type)) : "",
                                e.order_id ? std::string(name(e.time_in_force)) : "",
                                number(e.price, kNoPrice),
                                number(e.stop_price, kNoPrice),
                                number(e.quantity, 0),
                                number(e.leaves, 0),
                                number(e.filled, 0),
                                number(e.last_price, kNoPrice),
                                number(e.last_quantity, 0),
                                e.trade_id ? std::to_string(e.trade_id) : "",
                                e.epoch ? std::to_string(e.epoch) : ""};
  static constexpr std::string_view kNames[] = {
      "time",     "sequence",   "event",     "reason",         "instrument", "account",    "account_sequence",
      "session",  "order_id",   "client_id", "orig_client_id", "side",       "order_type", "time_in_force",
      "price",    "stop_price", "quantity",  "leaves",         "filled",     "last_price", "last_quantity",
      "trade_id", "epoch"};
  static_assert(std::size(kNames) == std::size(fields));
  std::string line;
  for (std::size_t i = 0; i < std::size(fields); ++i) {
    if (format == AuditFormat::csv) {
      line += (i ? "," : "") + fields[i];  // no field can have a comma, a quote or a line break
    } else if (!fields[i].empty()) {
      const bool text = i == 0 || i == 2 || i == 3 || (i >= 9 && i <= 13);
      line += fmt::format("{}\"{}\":{}", line.empty() ? "{" : ",", kNames[i], text ? json_text(fields[i]) : fields[i]);
    }
  }
  return format == AuditFormat::csv ? line : line + "}";
}

}  // namespace

std::string utc_microseconds(Timestamp time) { return port::micro_time(port::WallTime(port::Duration(time))); }

Result<> inspect(Storage& storage, const InspectOptions& options, const LineSink& out) {
  TRY(inspect_segments(storage, out));
  TRY(inspect_snapshots(storage, out));
  auto end = read_all(
      storage, options.from, options.to,
      [&](const Command& command, Epoch epoch) -> Result<> {
        return options.records ? out(record_line(command, epoch)) : Result<>();
      },
      nullptr);
  if (!end.ok()) {
    TRY(out(fmt::format("{{\"kind\":\"damage\",\"where\":{},\"message\":{}}}", json_text(end.error().where),
                        json_text(end.error().message))));
    return std::move(end).error();
  }
  return out(
      fmt::format("{{\"kind\":\"end\",\"last_sequence\":{},\"file\":{},\"offset\":{},\"closed\":{},\"torn_bytes\":{}}}",
                  end->last_sequence, json_text(end->segment), end->offset, end->closed, end->cut_bytes));
}

Result<VerifyReport> verify_journal(Storage& storage, const MachineFactory& make_machine) {
  VerifyReport report;
  ASSIGN_OR_RETURN(const auto segments, list_segments(storage));
  report.segments = segments.size();
  ASSIGN_OR_RETURN(const auto end, read_all(
                                       storage, 0, UINT64_MAX,
                                       [&](const Command& command, Epoch) -> Result<> {
                                         if (report.records++ == 0) report.first_sequence = command.sequence;
                                         report.checkpoints += command.type == CommandType::checkpoint;
                                         return {};
                                       },
                                       &report));
  report.last_sequence = end.last_sequence, report.closed = end.closed;
  if (end.cut_bytes)
    report.warnings.push_back(fmt::format("torn tail of {} bytes at {}:{}", end.cut_bytes, end.segment, end.offset));
  // Every good snapshot's hash, by sequence; each is met on the way, or is where the way begins.
  std::map<Sequence, std::uint64_t> hashes;
  ASSIGN_OR_RETURN(const auto names, list_snapshots(storage));
  std::string oldest;
  for (const std::string& file : names) {
    auto info = verify_snapshot(storage, file);
    if (!info.ok()) {
      report.warnings.push_back(info.error().text());
      continue;
    }
    ++report.snapshots;
    hashes[info->sequence] = info->state_hash;
    oldest = file;
  }
  auto machine = make_machine();
  Sequence next = 1;
  if (report.first_sequence > 1 || (report.records == 0 && !oldest.empty())) {
    if (oldest.empty())
      return Error(Code::invalid,
                   fmt::format("the journal begins at {} and there is no good snapshot", report.first_sequence));
    ASSIGN_OR_RETURN(const auto info, load_snapshot(storage, oldest, *machine));
    next = info.sequence + 1;
  }
  std::vector<Event> events;
  const auto step = [&](const Command& command, Epoch) -> Result<> {
    if (command.type == CommandType::checkpoint && command.state_hash != machine->state_hash())
      return Error(Code::invalid,
                   fmt::format("the checkpoint at sequence {} has state hash {:016x}, the replay has {:016x}",
                               command.sequence, command.state_hash, machine->state_hash()));
    events.clear();
    machine->apply(command, events);
    const auto at = hashes.find(command.sequence);
    if (at != hashes.end() && at->second != machine->state_hash())
      return Error(Code::invalid,
                   fmt::format("the snapshot at sequence {} has state hash {:016x}, the replay has {:016x}",
                               command.sequence, at->second, machine->state_hash()));
    return {};
  };
  if (report.last_sequence >= next) TRY(read_all(storage, next, UINT64_MAX, step, nullptr));
  report.state_hash = machine->state_hash(), report.replayed = true;
  return report;
}

Result<ReplayReport> replay_journal(Storage& storage, const MachineFactory& make_machine, port::Clock& clock,
                                    const ReplayOptions& options) {
  ReplayReport report;
  RecoveryOptions how;
  how.settle = false, how.use_snapshots = !options.from_beginning, how.stop_after = options.to,
  how.stop_time = options.to_time;
  how.on_events = [&](const Command&, std::span<const Event> events) { report.events += events.size(); };
  const auto before = clock.monotonic();
  ASSIGN_OR_RETURN(const Recovery recovery, recover(storage, make_machine, how));
  report.seconds = std::chrono::duration<double>(clock.monotonic() - before).count();
  report.last_sequence = recovery.next - 1, report.last_time = recovery.time, report.records = recovery.replayed;
  report.epoch = recovery.machine->epoch(), report.state_hash = recovery.machine->state_hash();
  return report;
}

Result<std::uint64_t> export_audit(Storage& storage, const MachineFactory& make_machine, AuditFormat format,
                                   const LineSink& out, Sequence from, Sequence to) {
  std::uint64_t lines = 0;
  std::optional<Error> failed;
  if (format == AuditFormat::csv)
    TRY(
        out("time,sequence,event,reason,instrument,account,account_sequence,session,order_id,client_id,orig_client_id,"
            "side,order_type,"
            "time_in_force,price,stop_price,quantity,leaves,filled,last_price,last_quantity,trade_id,epoch"));
  RecoveryOptions how;
  how.settle = false, how.use_snapshots = false, how.stop_after = to;
  how.on_events = [&](const Command& command, std::span<const Event> events) {
    if (failed || command.sequence < from) return;
    for (const Event& event : events) {
      if (!for_audit(event.type)) continue;
      if (auto written = out(audit_line(event, format)); !written.ok()) {
        failed = std::move(written).error();
        return;
      }
      ++lines;
    }
  };
  TRY(recover(storage, make_machine, how));
  if (failed) return *failed;
  return lines;
}

}  // namespace nautilus::engine
