// A second matching engine, written only to be obviously right: every order in one map, every question answered by
// looking at all of them. It follows docs/engine/matching.md and shares no code with engine/matching.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/model/command.h"
#include "engine/model/event.h"

namespace nautilus::engine::reference {

__extension__ typedef __int128 Wide;

struct Order {
  enum Place { nowhere, in_book, parked } place = nowhere;
  OrderId id = 0;
  AccountId account = 0;
  SessionId session = 0;
  InstrumentId instrument = 0;
  Side side = Side::buy;
  OrderType type = OrderType::limit;
  TimeInForce tif = TimeInForce::day;
  SelfTradePrevention stp = SelfTradePrevention::none;
  bool post_only = false;
  Price price = kNoPrice, stop_price = kNoPrice;
  Quantity filled = 0, leaves = 0, shown = 0, display = 0;
  Timestamp expire_at = 0;
  ClientOrderId name;
  std::uint64_t rank = 0;  // time priority: the lower the earlier
};

struct Trader {
  Account definition;
  std::uint64_t reports = 0;
  bool killed = false;
  Wide credit = 0;  // billionths of an order
  Timestamp refilled = 0;
};

struct Market {
  Instrument definition;
  Phase phase = Phase::closed;
  Price last = kNoPrice, reference = kNoPrice, low = kNoPrice, high = kNoPrice;
  Price indicated = kNoPrice;
  Quantity indicated_quantity = 0;
};

struct Logon {
  AccountId account = 0;
  bool cancel = false;
};

class ReferenceEngine {
 public:
  ReferenceEngine(std::size_t remembered, int max_triggers, std::int64_t max_slices)
      : remembered_limit_(remembered), max_triggers_(max_triggers), max_slices_(max_slices) {}

  std::vector<Event> apply(const Command& command);
  const std::map<OrderId, Order>& orders() const { return orders_; }
  const std::vector<Market>& markets() const { return markets_; }
  Quantity net(AccountId account, InstrumentId instrument) const {
    const auto at = net_.find({account, instrument});
    return at == net_.end() ? 0 : at->second;
  }

 private:
  struct Depth {
    Quantity shown = 0;
    std::uint32_t orders = 0;
    bool operator==(const Depth&) const = default;
  };
  // Instrument, side, and the price so that the best comes first.
  using DepthKey = std::tuple<InstrumentId, int, Price>;

  void new_order(const Command& c);
  Reason judge_new(const Command& c, Order& order);
  Reason judge_risk(const Order& order, Quantity more, Wide more_notional, bool may_rest, bool counted);
  Reason judge_size(const Order& order, Quantity quantity, Wide amount) const;
  void cancel_order(const Command& c);
  void replace_order(const Command& c);
  void control(const Command& c);
  void set_phase(Market& market, InstrumentId id, Phase next);
  void place(Order& order);
  void execute(Order& order);
  bool match(Order& order, std::optional<Price> limit);
  void rest(Order& order, Order::Place place);
  void end(Order& order, Reason reason);
  void drop(const Order& order);
  void run_stops(InstrumentId id);
  void note_trade(Market& market, Price price);
  void uncross(InstrumentId id);
  std::pair<Price, Quantity> indication(InstrumentId id) const;
  Order* best_against(const Order& order, std::optional<Price> limit);
  Order* find(const Command& c);
  bool name_used(AccountId account, const ClientOrderId& name) const;
  bool take_token(Trader& trader);
  Wide resting_notional(const Order& order) const;
  std::map<DepthKey, Depth> depth() const;
  template <class Wanted>
  std::vector<OrderId> pick(Wanted wanted) const;
  void cancel_all(const std::vector<OrderId>& ids, Reason reason);

  Event& add(EventType type);
  Event& tell(EventType type, const Order& order, Reason reason = Reason::none);
  void fill_in(Event& event, const Order& order) const;
  void reject(const Command& c, Reason reason);
  void reject_change(const Command& c, const Order* order, Reason reason);
  void refuse(const Command& c, Reason reason);
  void tell_instrument(InstrumentId id);

  std::size_t remembered_limit_;
  int max_triggers_;
  std::int64_t max_slices_;
  std::map<OrderId, Order> orders_;
  std::vector<Trader> traders_;
  std::vector<Market> markets_;
  std::map<SessionId, Logon> sessions_;
  std::map<std::pair<AccountId, InstrumentId>, Quantity> net_;
  std::deque<std::pair<AccountId, std::string>> remembered_;
  std::multiset<std::pair<AccountId, std::string>> remembered_set_;
  std::map<DepthKey, Depth> depth_;
  EngineState state_ = EngineState::active;
  Epoch epoch_ = 0;
  Timestamp now_ = 0;
  OrderId next_order_ = 1;
  TradeId next_trade_ = 1;
  std::uint64_t next_rank_ = 1;
  int triggers_left_ = 0;
  OrderId subject_ = 0;
  const Command* command_ = nullptr;
  std::vector<Event> events_;
};

}  // namespace nautilus::engine::reference
