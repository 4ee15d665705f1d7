#include "engine/gateway/rest.h"

#include <charconv>

namespace nautilus::engine {
namespace {

int status_of(const Denial& denial) {
  switch (denial.fault) {
    case Fault::unauthorized: return 401;
    case Fault::forbidden: return 403;
    case Fault::not_found:
    case Fault::unknown_symbol:
    case Fault::unknown_account: return 404;
    case Fault::method_not_allowed: return 405;
    case Fault::gap: return 410;
    case Fault::too_large: return 413;
    case Fault::too_many_requests: return 429;
    case Fault::overloaded:
    case Fault::unavailable: return 503;
    case Fault::timeout: return 504;
    default: return 400;
  }
}

// The query's parameters; each at most once, values percent-decoded, nothing unknown.
class Query {
 public:
  static constexpr std::size_t kMax = 8;
  // False: not well formed.
  bool read(std::string_view text, std::initializer_list<std::string_view> known) {
    while (!text.empty()) {
      const std::size_t end = text.find('&');
      const std::string_view pair = text.substr(0, end);
      text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
      const std::size_t equals = pair.find('=');
      if (equals == std::string_view::npos || values_.size() >= kMax) return false;
      const std::string_view key = pair.substr(0, equals);
      if (std::find(known.begin(), known.end(), key) == known.end()) return false;
      auto value = decode(pair.substr(equals + 1));
      if (!value || !values_.emplace(std::string(key), std::move(*value)).second) return false;
    }
    return true;
  }
  std::string_view text(std::string_view key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? std::string_view() : std::string_view(found->second);
  }
  // `fallback` if absent; nullopt if it is no number.
  std::optional<std::uint64_t> number(std::string_view key, std::uint64_t fallback) const {
    const std::string_view found = text(key);
    if (found.empty()) return fallback;
    std::uint64_t out = 0;
    const auto [end, failed] = std::from_chars(found.data(), found.data() + found.size(), out);
    if (failed != std::errc() || end != found.data() + found.size()) return std::nullopt;
    return out;
  }
  static std::optional<std::string> decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      char c = text[i];
      if (c == '%') {
        int code = 0;
        const char* end = text.data() + std::min(text.size(), i + 3);
        const auto read = std::from_chars(text.data() + i + 1, end, code, 16);
        if (text.size() - i < 3 || read.ec != std::errc() || read.ptr != end) return std::nullopt;
        c = static_cast<char>(code);
        i += 2;
      }
      if (c < 0x20 || c > 0x7e) return std::nullopt;
      out += c;
    }
    return out;
  }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

class Handler {
 public:
  Handler(GatewayCore& core, const Principal& principal, const RestRequest& request,
          std::function<void(RestResponse)> done)
      : core_(core), principal_(principal), request_(request), done_(std::move(done)), known_(core.hub.reference()) {
    const std::size_t mark = request.target.find('?');
    path_ = request.target.substr(0, mark);
    if (mark != std::string_view::npos) query_text_ = request.target.substr(mark + 1);
  }

  std::uint64_t run() {
    struct Order {
      std::string_view path;
      MessageType type;
    };
    static constexpr Order kOrders[] = {{"/v1/orders", MessageType::new_order},
                                        {"/v1/orders/cancel", MessageType::cancel_order},
                                        {"/v1/orders/replace", MessageType::replace_order},
                                        {"/v1/orders/mass-cancel", MessageType::mass_cancel},
                                        {"/v1/admin/engine-state", MessageType::set_engine_state},
                                        {"/v1/admin/phase", MessageType::set_phase},
                                        {"/v1/admin/kill-switch", MessageType::set_kill_switch},
                                        {"/v1/admin/end-of-day", MessageType::end_of_day}};
    if (request_.method == "POST") {
      for (const auto& one : kOrders)
        if (one.path == path_) return command(one.type);
      return fail(deny(known_path() ? Fault::method_not_allowed : Fault::not_found));
    }
    if (request_.method != "GET") return fail(deny(Fault::method_not_allowed));
    if (path_ == "/v1/instruments") return instruments();
    if (path_.starts_with("/v1/books/")) return book(path_.substr(10));
    if (path_ == "/v1/orders") return orders();
    if (path_.starts_with("/v1/orders/")) return order(path_.substr(11));
    if (path_ == "/v1/positions") return positions();
    if (path_ == "/v1/reports") return reports();
    if (path_ == "/v1/status") return status();
    return fail(deny(Fault::not_found));
  }

 private:
  bool known_path() const {
    return path_ == "/v1/instruments" || path_ == "/v1/positions" || path_ == "/v1/reports" || path_ == "/v1/status" ||
           path_.starts_with("/v1/books/") || path_.starts_with("/v1/orders/");
  }
  std::uint64_t fail(const Denial& denial, std::string_view request_id = {}) {
    add(core_.metrics.refusals[static_cast<std::size_t>(denial.fault)]);
    done_(rest_error(denial, request_id));
    return 0;
  }
  std::uint64_t reply(std::string body) {
    done_({200, std::move(body)});
    return 0;
  }

  std::uint64_t command(MessageType type) {
    if (!query_text_.empty()) return fail(deny(Fault::bad_value));
    Request message;
    const Refusal refusal = parse_message(request_.body, message, type);
    const std::string id(message.text(Field::request_id));
    if (refusal.fault != Fault::none) return fail(deny(refusal.fault, refusal.field), id);
    if (type == MessageType::mass_cancel && !message.whole_account)
      return fail(deny(Fault::bad_value, name(Field::scope)), id);
    Command made;
    if (auto bad = make_command(message, *known_, principal_, made); bad.denied()) return fail(bad, id);
    made.client_tag = core_.hub.next_tag();
    // Armed before the command goes in, because the answer may be there before submit() returns.
    const auto once = std::make_shared<std::function<void(RestResponse)>>(done_);
    const bool armed = core_.hub.await(made.client_tag, [once](const Event& event, const SharedText& text) {
      RestResponse response;
      if (event.type == EventType::order_rejected || event.type == EventType::cancel_rejected) response.status = 422;
      if (event.type == EventType::command_rejected) {
        response = rest_error(deny(event.reason, {}));
        response.status = 422;
      } else {
        response.body = text ? *text : R"({"type":"done"})";
      }
      (*once)(std::move(response));
    });
    if (!armed) return fail(deny(Fault::overloaded), id);
    const std::string_view traceparent =
        message.has(Field::traceparent) ? message.text(Field::traceparent) : request_.traceparent;
    core_.tracer.begin(made.client_tag, name(type), traceparent, message.text(Field::account));
    if (auto bad = denial_of(core_.intake.submit(made)); bad.denied()) {
      core_.hub.forget(made.client_tag);
      core_.tracer.forget(made.client_tag);
      return fail(bad, id);
    }
    if (type == MessageType::set_phase || type == MessageType::end_of_day) {
      // Of these the engine says nothing of its own; what they bring about is in the reports and the market data.
      core_.tracer.forget(made.client_tag);
      core_.hub.forget(made.client_tag);
      RestResponse response;
      response.status = 202;
      JsonText json(response.body);
      json.begin().text("type", "taken").text("request", name(type));
      if (!id.empty()) json.text("request_id", id);
      json.end();
      done_(std::move(response));
      return 0;
    }
    return made.client_tag;
  }

  std::uint64_t instruments() {
    if (!query_text_.empty()) return fail(deny(Fault::bad_value));
    std::string out;
    JsonText json(out);
    json.begin().key("instruments").begin('[');
    for (const Instrument& one : known_->instruments) {
      json.begin().text("symbol", one.symbol.view());
      json.key("tick").decimal(1, one.tick_mantissa, one.tick_decimals);
      json.key("lot").decimal(1, one.lot_mantissa, one.lot_decimals);
      json.key("min_price").decimal(one.min_price, one.tick_mantissa, one.tick_decimals);
      json.key("max_price").decimal(one.max_price, one.tick_mantissa, one.tick_decimals);
      json.key("max_quantity").decimal(one.max_quantity, one.lot_mantissa, one.lot_decimals).end();
    }
    json.end(']').end();
    return reply(std::move(out));
  }

  std::uint64_t book(std::string_view encoded) {
    const auto symbol = Query::decode(encoded);
    if (!query_.read(query_text_, {"depth"})) return fail(deny(Fault::bad_value));
    const auto depth = query_.number("depth", 0);
    if (!depth) return fail(deny(Fault::bad_value, "depth"));
    const InstrumentId id = symbol ? known_->find_symbol(*symbol) : kNoInstrument;
    if (id == kNoInstrument) return fail(deny(Fault::unknown_symbol));
    std::string out;
    core_.hub.query([&](const Directory& directory) { directory.append_snapshot(out, id, *depth); });
    return reply(std::move(out));
  }

  // The account of the query, or the principal's only one; kNoAccount after it has failed.
  AccountId account() {
    std::string_view wanted = query_.text("account");
    if (wanted.empty() && principal_.accounts.size() == 1 && principal_.accounts[0] != "*")
      wanted = principal_.accounts[0];
    const AccountId id = principal_.may_use(wanted) ? known_->find_account(wanted) : kNoAccount;
    if (id == kNoAccount) fail(deny(Fault::unknown_account, "account"));
    return id;
  }
  void append_order(std::string& out, const Event& order) const {
    append_report(out, order, known_->instrument(order.instrument), known_->account(order.account)->name.view());
  }

  std::uint64_t orders() {
    if (!query_.read(query_text_, {"account", "after", "limit"})) return fail(deny(Fault::bad_value));
    const auto after = query_.number("after", 0), limit = query_.number("limit", kMaxOrdersPage);
    if (!after) return fail(deny(Fault::bad_value, "after"));
    if (!limit || *limit < 1 || *limit > kMaxOrdersPage) return fail(deny(Fault::bad_value, "limit"));
    const AccountId id = account();
    if (id == kNoAccount) return 0;
    std::string out;
    core_.hub.query([&](const Directory& directory) {
      auto found = directory.open_orders(id, *after, *limit + 1);
      const bool more = found.size() > *limit;
      if (more) found.pop_back();
      JsonText json(out);
      json.begin().boolean("more", more).key("orders").begin('[');
      for (const Event* one : found) {
        std::string text;
        append_order(text, *one);
        json.raw(text);
      }
      json.end(']').end();
    });
    return reply(std::move(out));
  }

  std::uint64_t order(std::string_view encoded) {
    if (!query_.read(query_text_, {"account"})) return fail(deny(Fault::bad_value));
    const AccountId id = account();
    if (id == kNoAccount) return 0;
    const auto client_id = ClientOrderId::from(Query::decode(encoded).value_or(""));
    std::string out;
    core_.hub.query([&](const Directory& directory) {
      if (const Event* found = directory.find(id, client_id)) append_order(out, *found);
    });
    return out.empty() ? fail({name(Reason::unknown_order), {}, Fault::not_found}) : reply(std::move(out));
  }

  std::uint64_t positions() {
    if (!query_.read(query_text_, {"account"})) return fail(deny(Fault::bad_value));
    const AccountId id = account();
    if (id == kNoAccount) return 0;
    std::string out;
    core_.hub.query([&](const Directory& directory) {
      JsonText json(out);
      json.begin().text("account", known_->account(id)->name.view()).key("positions").begin('[');
      for (const auto& [instrument, lots] : directory.positions(id)) {
        const Instrument* what = known_->instrument(instrument);
        if (!what) continue;
        json.begin().text("symbol", what->symbol.view()).key("quantity");
        json.decimal(lots, what->lot_mantissa, what->lot_decimals).end();
      }
      json.end(']').end();
    });
    return reply(std::move(out));
  }

  std::uint64_t reports() {
    if (!query_.read(query_text_, {"account", "after"})) return fail(deny(Fault::bad_value));
    const auto after = query_.number("after", 0);
    if (!after) return fail(deny(Fault::bad_value, "after"));
    const AccountId id = account();
    if (id == kNoAccount) return 0;
    std::string array;
    const auto resumed = core_.hub.reports(id, *after, array);
    if (!resumed.complete) return fail(deny(Fault::gap));
    std::string out;
    JsonText json(out);
    json.begin().text("account", known_->account(id)->name.view()).number("last", resumed.last);
    json.boolean("more", resumed.more).key("reports").raw(array).end();
    return reply(std::move(out));
  }

  std::uint64_t status() {
    const EngineStatus now = core_.status.status();
    std::string out;
    JsonText json(out);
    json.begin().text("state", name(now.state)).number("epoch", now.epoch).number("sequence", now.released);
    core_.hub.query([&](const Directory& directory) { json.text("engine_state", name(directory.engine_state())); });
    json.key("time").time(core_.clock.now().time_since_epoch().count()).end();
    return reply(std::move(out));
  }

  GatewayCore& core_;
  const Principal& principal_;
  const RestRequest& request_;
  std::function<void(RestResponse)> done_;
  std::shared_ptr<const Reference> known_;
  std::string_view path_, query_text_;
  Query query_;
};

}  // namespace

RestResponse rest_error(const Denial& denial, std::string_view request_id, std::string_view message) {
  RestResponse out;
  out.status = status_of(denial);
  if (message.empty() && denial.code == name(denial.fault)) message = explain(denial.fault);
  append_error(out.body, {denial.code, message, request_id, {}, denial.field.substr(0, 64)});
  return out;
}

std::uint64_t handle_rest(GatewayCore& core, const Principal& principal, const RestRequest& request,
                          std::function<void(RestResponse)> done) {
  const bool admin = request.target.starts_with("/v1/admin/");
  if (!principal.read && !admin) {
    done(rest_error(deny(Fault::forbidden)));
    return 0;
  }
  return Handler(core, principal, request, std::move(done)).run();
}

}  // namespace nautilus::engine
