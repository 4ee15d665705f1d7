#include "engine/gateway/hub.h"

namespace nautilus::engine {
namespace {

constexpr std::uint64_t kTagMask = (std::uint64_t{1} << 52) - 1;  // 52 days of nanoseconds
constexpr std::int64_t kMaxLatency = 60'000'000'000;              // a longer one is another process's tag

void erase(std::vector<std::shared_ptr<Outbox>>& list, const std::shared_ptr<Outbox>& outbox) {
  const auto found = std::find(list.begin(), list.end(), outbox);
  if (found == list.end()) return;
  *found = std::move(list.back());
  list.pop_back();
}

}  // namespace

Hub::Hub(const port::Clock& clock, Metrics& metrics, HubOptions options)
    : clock_(clock), metrics_(metrics), options_(options), reference_(directory_.reference()) {}

std::uint64_t Hub::next_tag() {
  const auto now = static_cast<std::uint64_t>(clock_.monotonic().count()) & kTagMask;
  std::uint64_t last = last_tag_.load(std::memory_order_relaxed);
  while (true) {
    std::uint64_t tag = last >= now && last - now < kTagMask / 2 ? (last + 1) & kTagMask : now;
    if (tag == 0) tag = 1;
    if (last_tag_.compare_exchange_weak(last, tag, std::memory_order_relaxed)) return tag;
  }
}

std::shared_ptr<const Reference> Hub::reference() const {
  std::lock_guard guard(lock_);
  return reference_;
}

void Hub::refresh_reference() {
  if (reference_ == directory_.reference()) return;
  reference_ = directory_.reference();
  reference_version_.fetch_add(1, std::memory_order_release);
}

Hub::AccountFeed& Hub::account_feed(AccountId id) {
  if (id >= accounts_.size()) accounts_.resize(id + 1);
  return accounts_[id];
}
Hub::InstrumentFeed* Hub::instrument_feed(InstrumentId id) {
  if (!directory_.book(id)) return nullptr;
  if (id >= instruments_.size()) instruments_.resize(id + 1);
  return &instruments_[id];
}

void Hub::describe(std::span<const Event> events) {
  std::lock_guard guard(lock_);
  for (const Event& event : events) {
    directory_.apply(event);
    note_session(event);
    const bool counts = event.type == EventType::account_defined || event.type == EventType::order_status;
    if (!counts || !directory_.reference()->account(event.account)) continue;
    AccountFeed& feed = account_feed(event.account);
    feed.last = std::max(feed.last, event.account_sequence);
    feed.known = feed.known || event.type == EventType::account_defined;
  }
  refresh_reference();
}

void Hub::released(std::span<const Event> events) {
  std::lock_guard guard(lock_);
  for (std::size_t i = 0; i < events.size(); ++i) {
    take(events[i]);
    const bool last = i + 1 == events.size() || events[i + 1].sequence != events[i].sequence;
    if (last) finish_command(events[i]);
  }
  refresh_reference();
}

void Hub::note_session(const Event& event) {
  if (event.type == EventType::session_opened) open_sessions_.insert(event.session);
  if (event.type == EventType::session_closed) open_sessions_.erase(event.session);
}

std::vector<SessionId> Hub::open_sessions() const {
  std::lock_guard guard(lock_);
  return {open_sessions_.begin(), open_sessions_.end()};
}

void Hub::take(const Event& event) {
  directory_.apply(event);
  note_session(event);
  if (is_report(event.type)) return take_report(event);
  if (is_market_data(event.type)) return take_market(event);
  if (event.type == EventType::account_defined && directory_.reference()->account(event.account)) {
    account_feed(event.account).known = true;
  } else if (event.type == EventType::command_rejected) {
    add(metrics_.rejects[static_cast<std::size_t>(event.reason) & 127]);
  }
  if (measure(event)) answer(event, nullptr);
}

void Hub::take_report(const Event& event) {
  add(metrics_.reports);
  const bool first = measure(event);  // before anybody is told: who has the report finds it counted
  if (event.type == EventType::order_accepted) add(metrics_.orders_accepted);
  if (event.type == EventType::order_rejected || event.type == EventType::cancel_rejected)
    add(metrics_.rejects[static_cast<std::size_t>(event.reason) & 127]);
  const Reference& known = *directory_.reference();
  const Account* account = known.account(event.account);
  std::string made;
  made.reserve(640);
  append_report(made, event, known.instrument(event.instrument), account ? account->name.view() : std::string_view());
  const auto text = std::make_shared<const std::string>(std::move(made));
  if (account) {
    AccountFeed& feed = account_feed(event.account);
    if (event.account_sequence > 0 && event.type != EventType::order_status) keep(feed, event.account_sequence, text);
    for (const auto& outbox : feed.followers) outbox->push(text);
  }
  if (first) answer(event, text);
}

void Hub::keep(AccountFeed& feed, std::uint64_t sequence, const SharedText& text) {
  feed.last = sequence;
  feed.known = true;
  feed.ring.push_back({sequence, text});
  kept_bytes_ += text->size();
  while (feed.ring.size() > options_.report_ring ||
         (kept_bytes_ > options_.report_bytes && feed.ring.size() > options_.report_ring_floor)) {
    kept_bytes_ -= feed.ring.front().text->size();
    feed.ring.pop_front();
  }
}

bool Hub::measure(const Event& event) {
  if (event.client_tag == 0 || event.client_tag == answered_tag_) return false;  // the rest of the same command's
  answered_tag_ = event.client_tag;
  const auto now = static_cast<std::uint64_t>(clock_.monotonic().count()) & kTagMask;
  // Tags given within one nanosecond run a little ahead of the clock.
  const bool ahead = ((event.client_tag - now) & kTagMask) < static_cast<std::uint64_t>(kMaxLatency);
  const auto took = ahead ? 0 : static_cast<std::int64_t>((now - event.client_tag) & kTagMask);
  if (took <= kMaxLatency) {
    metrics_.execution_latency.observe(took);
    if (on_answer) on_answer(event.client_tag, took);
  }
  return true;
}

void Hub::answer(const Event& event, const SharedText& text) {
  const auto found = awaited_.find(event.client_tag);
  if (found == awaited_.end()) return;
  Answer waiting = std::move(found->second);
  awaited_.erase(found);
  waiting(event, text);
}

void Hub::take_market(const Event& event) {
  InstrumentFeed* feed = instrument_feed(event.instrument);
  if (!feed) return;
  if (!feed->touched) {
    feed->touched = true;
    touched_.push_back(event.instrument);
  }
  if (event.type == EventType::traded) {
    add(metrics_.trades);
    volatility_.trade(event.instrument, event.last_price, event.time);
    metrics_.volatility.store(volatility_.index(event.time), std::memory_order_relaxed);
  }
  if (feed->subscribers.empty()) return;
  const Instrument& instrument = *directory_.reference()->instrument(event.instrument);
  const auto price = [&](JsonText& json, std::string_view key, Price ticks) {
    json.key(key).decimal(ticks, instrument.tick_mantissa, instrument.tick_decimals);
  };
  const auto lots = [&](JsonText& json, std::string_view key, Quantity quantity) {
    json.key(key).decimal(quantity, instrument.lot_mantissa, instrument.lot_decimals);
  };
  if (event.type == EventType::level_changed) {
    if (!feed->levels.empty()) feed->levels += ',';
    JsonText json(feed->levels);
    json.begin().text("side", name(event.side));
    price(json, "price", event.price);
    lots(json, "quantity", event.quantity);
    json.number("orders", event.orders).end();
  } else if (event.type == EventType::traded) {
    if (!feed->trades.empty()) feed->trades += ',';
    JsonText json(feed->trades);
    json.begin().key("trade_id").identifier(event.trade_id);
    price(json, "price", event.last_price);
    lots(json, "quantity", event.last_quantity);
    json.text("aggressor", name(event.side)).end();
  } else {
    feed->others += ',';
    JsonText json(feed->others);
    if (event.type == EventType::phase_changed) {
      json.text("phase", name(event.phase));
    } else if (event.price == kNoPrice) {
      json.key("indicative_price").raw("null");
    } else {
      price(json, "indicative_price", event.price);
      lots(json, "indicative_quantity", event.quantity);
    }
  }
}

void Hub::finish_command(const Event& last) {
  for (const InstrumentId id : touched_) {
    InstrumentFeed& feed = instruments_[id];
    feed.touched = false;
    const std::uint64_t number = ++directory_.book(id)->market_sequence;
    if (feed.subscribers.empty()) continue;
    std::string made;
    made.reserve(160 + feed.levels.size() + feed.trades.size() + feed.others.size());
    JsonText json(made);
    json.begin().text("type", "market_data").text("symbol", directory_.reference()->instrument(id)->symbol.view());
    json.number("market_sequence", number).number("sequence", last.sequence).key("time").time(last.time);
    if (!feed.levels.empty()) json.key("levels").begin('[').raw(feed.levels).end(']');
    if (!feed.trades.empty()) json.key("trades").begin('[').raw(feed.trades).end(']');
    made += feed.others;
    json.end();
    for (std::string* part : {&feed.levels, &feed.trades, &feed.others}) {
      part->clear();
      if (part->capacity() > kMaxDeltaBytes) part->shrink_to_fit();
    }
    const auto text = std::make_shared<const std::string>(std::move(made));
    for (const auto& outbox : feed.subscribers) outbox->push_market(id, text);
  }
  touched_.clear();
}

std::optional<std::uint64_t> Hub::follow(AccountId account, const std::shared_ptr<Outbox>& outbox) {
  std::lock_guard guard(lock_);
  if (!directory_.reference()->account(account)) return std::nullopt;
  AccountFeed& feed = account_feed(account);
  feed.followers.push_back(outbox);
  outbox->accounts.push_back(account);
  return feed.known ? std::optional(feed.last) : std::nullopt;
}

bool Hub::subscribe(InstrumentId instrument, const std::shared_ptr<Outbox>& outbox, std::size_t most) {
  std::lock_guard guard(lock_);
  InstrumentFeed* feed = instrument_feed(instrument);
  if (!feed) return false;
  if (std::find(outbox->instruments.begin(), outbox->instruments.end(), instrument) == outbox->instruments.end()) {
    if (outbox->instruments.size() >= most) return false;
    feed->subscribers.push_back(outbox);
    outbox->instruments.push_back(instrument);
  }
  std::string snapshot;
  directory_.append_snapshot(snapshot, instrument, 0);
  outbox->push_market(instrument, std::make_shared<const std::string>(std::move(snapshot)));
  return true;
}

void Hub::unsubscribe(InstrumentId instrument, const std::shared_ptr<Outbox>& outbox) {
  std::lock_guard guard(lock_);
  if (InstrumentFeed* feed = instrument_feed(instrument)) erase(feed->subscribers, outbox);
  std::erase(outbox->instruments, instrument);
}

void Hub::refresh_stale(const std::shared_ptr<Outbox>& outbox) {
  std::lock_guard guard(lock_);
  while (const auto instrument = outbox->take_stale()) {
    if (std::find(outbox->instruments.begin(), outbox->instruments.end(), *instrument) == outbox->instruments.end())
      continue;  // unsubscribed meanwhile
    std::string snapshot;
    directory_.append_snapshot(snapshot, *instrument, 0);
    outbox->push_market(*instrument, std::make_shared<const std::string>(std::move(snapshot)));
    return;
  }
}

void Hub::leave(const std::shared_ptr<Outbox>& outbox) {
  std::lock_guard guard(lock_);
  for (const AccountId account : outbox->accounts) erase(account_feed(account).followers, outbox);
  for (const InstrumentId instrument : outbox->instruments) erase(instruments_[instrument].subscribers, outbox);
  outbox->accounts.clear();
  outbox->instruments.clear();
}

namespace {

template <class Ring>
Hub::Resumed plan(const Ring& ring, bool known, std::uint64_t last, std::uint64_t after) {
  Hub::Resumed out;
  out.last = last;
  out.last_sent = after;
  out.first = ring.empty() ? 0 : ring.front().sequence;
  out.complete = known && after <= last && (after == last || (!ring.empty() && after + 1 >= ring.front().sequence));
  return out;
}

}  // namespace

Hub::Resumed Hub::resume(AccountId account, std::uint64_t after, std::string_view request_id, Outbox& outbox) {
  std::lock_guard guard(lock_);
  const Account* found = directory_.reference()->account(account);
  if (!found) return {};
  AccountFeed& feed = account_feed(account);
  Resumed out = plan(feed.ring, feed.known, feed.last, after);
  if (!out.complete) return out;
  const auto bracket = [&](std::string_view type) {
    std::string text;
    JsonText json(text);
    json.begin().text("type", type).text("account", found->name.view());
    if (!request_id.empty()) json.text("request_id", request_id);
    json.number("after", after).number("last", out.last);
    if (type == "resumed") json.number("last_sent", out.last_sent).boolean("more", out.more);
    json.end();
    outbox.push(std::move(text));
  };
  bracket("resuming");
  // Sequences have no gaps, so the place in the ring follows from the number.
  std::size_t at = feed.ring.empty() || after == feed.last
                       ? feed.ring.size()
                       : static_cast<std::size_t>(after + 1 - feed.ring.front().sequence);
  for (std::size_t sent = 0; at < feed.ring.size() && sent < kResumePage; ++at, ++sent) {
    outbox.push(feed.ring[at].text);
    out.last_sent = feed.ring[at].sequence;
  }
  out.more = out.last_sent < out.last;
  bracket("resumed");
  return out;
}

Hub::Resumed Hub::reports(AccountId account, std::uint64_t after, std::string& array) const {
  std::lock_guard guard(lock_);
  array.assign(1, '[');
  Resumed out;
  if (account < accounts_.size()) {
    const AccountFeed& feed = accounts_[account];
    out = plan(feed.ring, feed.known, feed.last, after);
    std::size_t sent = 0;
    for (std::size_t at = out.complete && after < out.last
                              ? static_cast<std::size_t>(after + 1 - feed.ring.front().sequence)
                              : feed.ring.size();
         at < feed.ring.size() && sent < kResumePage; ++at, ++sent) {
      if (sent > 0) array += ',';
      array += *feed.ring[at].text;
      out.last_sent = feed.ring[at].sequence;
    }
    out.more = out.complete && out.last_sent < out.last;
  }
  array += ']';
  return out;
}

bool Hub::await(std::uint64_t tag, Answer answer) {
  std::lock_guard guard(lock_);
  if (awaited_.size() >= kMaxAwaited) return false;
  awaited_[tag] = std::move(answer);
  return true;
}
void Hub::forget(std::uint64_t tag) {
  std::lock_guard guard(lock_);
  awaited_.erase(tag);
}

}  // namespace nautilus::engine
