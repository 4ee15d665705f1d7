#include "engine/gateway/session.h"

namespace nautilus::engine {
namespace {

constexpr auto kCredentialCheck = std::chrono::seconds(1);
constexpr std::size_t kMaxAccountsListed = 1000;

}  // namespace

std::string_view name(CloseCode code) {
  switch (code) {
    case CloseCode::normal: return "bye";
    case CloseCode::going_away: return "going away";
    case CloseCode::unsupported: return "text messages only";
    case CloseCode::policy: return "too many control frames";
    case CloseCode::too_big: return "the message is too large";
    case CloseCode::unauthorized: return "unauthorized";
    case CloseCode::logon_timeout: return "no logon in time";
    case CloseCode::slow_consumer: return "slow consumer: resume";
    case CloseCode::rate_limit: return "too many messages";
    case CloseCode::draining: return "draining";
    case CloseCode::heartbeat: return "nothing heard";
  }
  return "";
}

Session::Session(GatewayCore& core, std::shared_ptr<Outbox> outbox, std::string address,
                 std::shared_ptr<const Principal> principal)
    : core_(core),
      outbox_(std::move(outbox)),
      address_(std::move(address)),
      principal_(std::move(principal)),
      rate_(core.limits.messages_per_second, core.limits.message_burst),
      started_(core.clock.monotonic()),
      last_heard_(started_) {}

Session::~Session() { end(); }

void Session::end() {
  if (ended_) return;
  ended_ = true;
  outbox_->close();
  core_.hub.leave(outbox_);
  add(core_.metrics.market_data_dropped, outbox_->dropped());
  release();
  if (logged_on_) core_.metrics.sessions.fetch_sub(1, std::memory_order_relaxed);
}

void Session::release() {
  for (const auto& one : engine_sessions_) core_.close_session(one.id);
  engine_sessions_.clear();
  released_ = true;
}

const Reference& Session::known() {
  const auto version = core_.hub.reference_version();
  if (version != reference_version_) {
    reference_ = core_.hub.reference();
    reference_version_ = version;
  }
  return *reference_;
}

void Session::on_text(std::span<char> text) {
  last_heard_ = core_.clock.monotonic();
  add(core_.metrics.bytes_in, text.size());
  while (!text.empty() && !close_ && !failing_) {
    const auto end = std::find(text.begin(), text.end(), '\n');
    const auto length = static_cast<std::size_t>(end - text.begin());
    // A line feed is also a blank of JSON: a message may end with one.
    const auto line = text.first(length);
    text = text.subspan(length == text.size() ? length : length + 1);
    if (std::all_of(line.begin(), line.end(), [](char c) { return c == ' ' || c == '\r' || c == '\t'; }) &&
        !(line.empty() && text.empty()))
      continue;
    on_line(line);
  }
}

void Session::on_line(std::span<char> line) {
  add(core_.metrics.messages_in);
  Request request;
  const Refusal refusal = parse_message(line, request);
  if (!rate_.take(last_heard_)) {
    add(core_.metrics.rate_limited);
    if (++refused_in_a_row_ > core_.limits.refused_in_a_row) close_ = CloseCode::rate_limit;
    return refuse(deny(Fault::too_many_requests), request);
  }
  refused_in_a_row_ = 0;
  if (refusal.fault != Fault::none) return refuse(deny(refusal.fault, refusal.field), request);
  handle(request);
}

void Session::refuse(const Denial& denial, const Request& request, std::string_view message) {
  add(core_.metrics.refusals[static_cast<std::size_t>(denial.fault)]);
  std::string out;
  if (message.empty() && denial.code == name(denial.fault)) message = explain(denial.fault);
  append_error(out, {denial.code, message, request.text(Field::request_id), request.text(Field::client_id),
                     denial.field.substr(0, 64)});
  outbox_->push(std::move(out));
}

void Session::taken(const Request& request) {
  std::string out;
  JsonText json(out);
  json.begin().text("type", "taken").text("request", name(request.type));
  if (request.has(Field::request_id)) json.text("request_id", request.text(Field::request_id));
  json.end();
  outbox_->push(std::move(out));
}

void Session::handle(const Request& request) {
  if (request.type == MessageType::ping) {
    std::string out;
    JsonText json(out);
    json.begin().text("type", "pong").key("time").time(core_.clock.now().time_since_epoch().count());
    if (request.has(Field::request_id)) json.text("request_id", request.text(Field::request_id));
    json.end();
    return outbox_->push(std::move(out));
  }
  if (request.type == MessageType::logon) return logon(request);
  if (!logged_on_) return refuse(deny(Fault::not_logged_on), request);
  switch (request.type) {
    case MessageType::logoff: close_ = CloseCode::normal; return;
    case MessageType::order_status: return status(request);
    case MessageType::subscribe:
    case MessageType::unsubscribe: return subscribe(request);
    case MessageType::resume: return resume(request);
    default: return order(request);
  }
}

void Session::logon(const Request& request) {
  if (logged_on_) return refuse(deny(Fault::already_logged_on), request);
  if (core_.draining.load(std::memory_order_relaxed)) {
    refuse({name(Reason::stopping), {}, Fault::unavailable}, request);
    close_ = CloseCode::draining;
    return;
  }
  const Credentials credentials{request.text(Field::api_key), request.text(Field::token), {}};
  const bool given = request.has(Field::api_key) || request.has(Field::token);
  if (given || core_.auth.open_access()) principal_ = core_.authenticate(credentials, address_);
  if (!principal_ || !core_.auth.still_valid(*principal_)) {
    failing_ = true;
    failing_request_id_ = std::string(request.text(Field::request_id));
    return;
  }
  logged_on_ = true;
  core_.metrics.sessions.fetch_add(1, std::memory_order_relaxed);
  batch_ = request.batch;
  if (request.has(Field::cancel_on_disconnect)) cancel_asked_ = request.cancel_on_disconnect;
  if (request.has(Field::heartbeat_seconds)) heartbeat_ = std::chrono::seconds(request.heartbeat_seconds);
  const Reference& reference = known();
  cancel_on_disconnect_ =
      std::any_of(reference.accounts.begin(), reference.accounts.end(), [&](const Account& account) {
        return !account.name.view().empty() && cancels(account) && principal_->may_use(account.name.view());
      });
  std::string out;
  JsonText json(out);
  json.begin().text("type", "logged_on").text("principal", principal_->name);
  if (request.has(Field::request_id)) json.text("request_id", request.text(Field::request_id));
  json.key("time").time(core_.clock.now().time_since_epoch().count());
  json.boolean("cancel_on_disconnect", cancel_on_disconnect_);
  if (heartbeat_.count() != 0)
    json.number("heartbeat_seconds", static_cast<std::uint64_t>(heartbeat_ / std::chrono::seconds(1)));
  json.key("accounts").begin('[');
  std::size_t listed = 0;
  for (AccountId id = 0; id < reference.accounts.size(); ++id) {
    const std::string_view account = reference.accounts[id].name.view();
    if (account.empty() || !principal_->read || !principal_->may_use(account)) continue;
    const auto last = core_.hub.follow(id, outbox_);
    if (++listed > kMaxAccountsListed) continue;
    json.begin().text("account", account);
    if (last) json.number("last", *last);
    json.boolean("cancel_on_disconnect", cancels(reference.accounts[id])).end();
  }
  json.end(']').end();
  outbox_->push(std::move(out));
}

void Session::fail() {
  failing_ = false;
  std::string out;
  append_error(out, {name(Fault::unauthorized), explain(Fault::unauthorized), failing_request_id_, {}, {}});
  outbox_->push(std::move(out));
  close_ = CloseCode::unauthorized;
}

// The account decides; a logon can only ask for more safety than that.
bool Session::cancels(const Account& account) const {
  return account.limits.cancel_on_disconnect || cancel_asked_.value_or(false);
}

// The engine's session for that account, opened with the first order: what may have to be cancelled belongs to it.
SessionId Session::engine_session(AccountId account, Denial& denial) {
  for (const auto& one : engine_sessions_)
    if (one.account == account) return one.id;
  Command open;
  open.type = CommandType::open_session;
  open.account = account;
  open.session = core_.next_session();
  const Account* known_account = known().account(account);
  open.enabled = !known_account || cancels(*known_account);
  denial = denial_of(core_.intake.submit(open));
  if (denial.denied()) return 0;
  engine_sessions_.push_back({account, open.session});
  return open.session;
}

void Session::order(const Request& request) {
  if (released_) return refuse({name(Reason::stopping), {}, Fault::unavailable}, request);
  Command command;
  Denial denial = make_command(request, known(), *principal_, command);
  if (denial.denied()) return refuse(denial, request);
  const bool is_order = request.type == MessageType::new_order;
  if (is_order || (request.type == MessageType::mass_cancel && !request.whole_account)) {
    command.session = engine_session(command.account, denial);
    if (denial.denied()) return refuse(denial, request);
  }
  command.client_tag = core_.hub.next_tag();
  core_.tracer.begin(command.client_tag, name(request.type), request.text(Field::traceparent),
                     request.text(Field::account));
  denial = denial_of(core_.intake.submit(command));
  if (denial.denied()) {
    core_.tracer.forget(command.client_tag);
    return refuse(denial, request);
  }
  if (request.type == MessageType::set_phase || request.type == MessageType::end_of_day)
    core_.tracer.forget(command.client_tag);  // no event answers these
  if (request.type >= MessageType::set_engine_state || request.type == MessageType::mass_cancel) taken(request);
}

void Session::status(const Request& request) {
  AccountId account = kNoAccount;
  if (!principal_->read) return refuse(deny(Fault::forbidden), request);
  if (auto bad = choose_account(request, known(), *principal_, account); bad.denied()) return refuse(bad, request);
  bool found = true;
  std::string tail;
  core_.hub.query([&](const Directory& directory) {
    const Reference& reference = *directory.reference();
    std::vector<const Event*> orders;
    OrderId last = 0;
    bool more = false;
    if (request.has(Field::client_id)) {
      orders = {directory.find(account, ClientOrderId::from(request.text(Field::client_id)))};
    } else if (request.has(Field::order_id)) {
      orders = {directory.find(account, request.order_id)};
    } else {
      orders = directory.open_orders(account, 0, kMaxOrdersPage + 1);
      more = orders.size() > kMaxOrdersPage;
      if (more) orders.pop_back();
    }
    found = orders.empty() || orders[0] != nullptr;
    if (!found) return;
    for (const Event* order : orders) {
      std::string out;
      append_report(out, *order, reference.instrument(order->instrument), reference.account(account)->name.view());
      outbox_->push(std::move(out));
      last = order->order_id;
    }
    JsonText json(tail);
    json.begin().text("type", "order_status_end").number("orders", orders.size()).boolean("more", more);
    if (more) json.key("last_order_id").identifier(last);
    if (request.has(Field::request_id)) json.text("request_id", request.text(Field::request_id));
    json.end();
  });
  if (!found) return refuse({name(Reason::unknown_order), {}, Fault::not_found}, request, "no such order is open");
  outbox_->push(std::move(tail));
}

void Session::subscribe(const Request& request) {
  if (!principal_->read) return refuse(deny(Fault::forbidden), request);
  const InstrumentId instrument = known().find_symbol(request.text(Field::symbol));
  if (instrument == kNoInstrument) return refuse(deny(Fault::unknown_symbol, name(Field::symbol)), request);
  if (request.type == MessageType::unsubscribe) {
    core_.hub.unsubscribe(instrument, outbox_);
    return taken(request);
  }
  taken(request);
  if (!core_.hub.subscribe(instrument, outbox_, core_.limits.max_subscriptions))
    refuse(deny(Fault::too_many_requests, name(Field::symbol)), request, "too many subscriptions");
}

void Session::resume(const Request& request) {
  AccountId account = kNoAccount;
  if (!principal_->read) return refuse(deny(Fault::forbidden), request);
  if (auto bad = choose_account(request, known(), *principal_, account); bad.denied()) return refuse(bad, request);
  const auto resumed = core_.hub.resume(account, request.after, request.text(Field::request_id), *outbox_);
  if (resumed.complete) return;
  add(core_.metrics.refusals[static_cast<std::size_t>(Fault::gap)]);
  std::string out;
  JsonText json(out);
  json.begin().text("type", "error").text("code", name(Fault::gap)).text("message", explain(Fault::gap));
  if (request.has(Field::request_id)) json.text("request_id", request.text(Field::request_id));
  json.text("account", known().account(account)->name.view());
  if (resumed.first != 0) json.number("first", resumed.first);
  json.number("last", resumed.last).end();
  outbox_->push(std::move(out));
}

void Session::on_tick() {
  const auto now = core_.clock.monotonic();
  if (close_ || failing_) return;
  if (outbox_->overflowed()) {
    add(core_.metrics.slow_consumers);
    close_ = CloseCode::slow_consumer;
  } else if (!logged_on_ && now - started_ > core_.limits.logon_timeout) {
    close_ = CloseCode::logon_timeout;
  } else if (logged_on_ && heartbeat_.count() != 0 && now - last_heard_ > heartbeat_ * 2) {
    close_ = CloseCode::heartbeat;
  } else if (logged_on_ && now - last_checked_ > kCredentialCheck) {
    last_checked_ = now;
    if (!core_.auth.still_valid(*principal_)) close_ = CloseCode::unauthorized;
  }
}

void Session::on_drain() {
  std::string out;
  JsonText json(out);
  json.begin().text("type", "draining").boolean("cancel_on_disconnect", cancel_on_disconnect_).end();
  outbox_->push(std::move(out));
}

}  // namespace nautilus::engine
