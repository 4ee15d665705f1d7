// Book-keeping from the events alone, as a back office would do it: what every client must be able to rely on.
#pragma once

#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/model/event.h"

namespace nautilus::engine::judges {

class Ledger {
 public:
  // The events of one command; "" or what is wrong.
  std::string take(const std::vector<Event>& events) {
    std::map<TradeId, std::vector<Event>> fills;
    std::set<TradeId> prints;
    for (std::size_t i = 0; i < events.size(); ++i) {
      const Event& e = events[i];
      kinds_.insert(e.type);
      if (e.last_of_command != (i + 1 == events.size())) return "last_of_command is not on the last event";
      if (e.type == EventType::level_changed) {
        if (e.quantity < 0 || (e.quantity == 0) != (e.orders == 0)) return "a level without orders, or the reverse";
        auto& level = levels_[{e.instrument, static_cast<int>(e.side), e.price}];
        if (level == std::pair{e.quantity, e.orders}) return "a level did not change";
        level = {e.quantity, e.orders};
      }
      if (e.type == EventType::traded && !prints.insert(e.trade_id).second) return "a trade printed twice";
      if (static_cast<int>(e.type) > 9) continue;
      if (e.account_sequence != 0 && e.account_sequence != ++reports_[e.account]) return "a gap in account_sequence";
      if (auto wrong = order(e); !wrong.empty()) return wrong;
      if (e.type == EventType::order_filled) fills[e.trade_id].push_back(e);
    }
    if (fills.size() != prints.size()) return "fills and prints do not match";
    for (const auto& [trade, two] : fills) {
      if (trade <= last_trade_) return "a trade id was used again";
      if (two.size() != 2 || two[0].side == two[1].side || two[0].last_quantity != two[1].last_quantity ||
          two[0].last_price != two[1].last_price || two[0].instrument != two[1].instrument)
        return "a trade without two equal sides";
    }
    if (!fills.empty()) last_trade_ = fills.rbegin()->first;
    return {};
  }

  // What describe() tells against what was seen.
  std::string compare(const std::vector<Event>& told) const {
    std::size_t orders = 0;
    std::map<LevelKey, std::pair<Quantity, std::uint32_t>> levels;
    std::map<std::pair<AccountId, InstrumentId>, Quantity> positions;
    for (const Event& e : told) {
      if (e.type == EventType::level_changed)
        levels[{e.instrument, static_cast<int>(e.side), e.price}] = {e.quantity, e.orders};
      if (e.type == EventType::position_status) positions[{e.account, e.instrument}] = e.last_quantity;
      if (e.type != EventType::order_status) continue;
      ++orders;
      const auto at = open_.find(e.order_id);
      if (at == open_.end()) return fmt::format("order {} is told, but over", e.order_id);
      if (at->second.leaves != e.leaves || at->second.filled != e.filled || !(at->second.name == e.client_id))
        return fmt::format("order {} is told otherwise than it was reported", e.order_id);
    }
    auto held = positions_;
    std::erase_if(held, [](const auto& position) { return position.second == 0; });
    if (positions != held) return "the positions told are not what the fills add up to";
    if (orders != open_.size()) return fmt::format("{} orders told, {} open", orders, open_.size());
    for (const auto& [key, level] : levels_) {
      const auto at = levels.find(key);
      if (level.second == 0 ? at != levels.end() : at == levels.end() || at->second != level)
        return fmt::format("level {} of instrument {} is told otherwise", std::get<2>(key), std::get<0>(key));
    }
    return {};
  }
  std::size_t kinds() const { return kinds_.size(); }

 private:
  struct Open {
    Quantity quantity, leaves, filled;
    ClientOrderId name;
  };
  using LevelKey = std::tuple<InstrumentId, int, Price>;

  std::string order(const Event& e) {
    if (e.type == EventType::order_rejected || e.type == EventType::cancel_rejected) return {};
    if (e.type == EventType::order_accepted) {
      if (e.order_id <= last_order_) return "an order id was used again";
      last_order_ = e.order_id;
      if (e.filled != 0 || e.leaves != e.quantity || e.leaves <= 0) return "accepted with a wrong quantity";
      open_[e.order_id] = {e.quantity, e.leaves, 0, e.client_id};
      return {};
    }
    const auto at = open_.find(e.order_id);
    if (at == open_.end()) return "a report about an order that is over, or never was";
    Open& open = at->second;
    switch (e.type) {
      case EventType::order_filled:
        open.leaves -= e.last_quantity;
        open.filled += e.last_quantity;
        positions_[{e.account, e.instrument}] += e.side == Side::buy ? e.last_quantity : -e.last_quantity;
        if (e.last_quantity <= 0) return "a fill of nothing";
        if (e.price != kNoPrice && (e.side == Side::buy ? e.last_price > e.price : e.last_price < e.price))
          return "a fill beyond the limit";
        break;
      case EventType::order_decremented:
        open.leaves -= e.last_quantity;
        open.quantity -= e.last_quantity;
        break;
      case EventType::order_replaced:
        open.leaves = e.quantity - open.filled;
        open.quantity = e.quantity;
        open.name = e.client_id;
        break;
      default: break;
    }
    if (!(open.name == e.client_id)) return "the name is another";
    if (open.filled != e.filled || open.quantity != e.quantity) return "quantities do not add up";
    if (e.type == EventType::order_cancelled) {
      if (e.leaves != 0) return "cancelled with something left";
      open_.erase(at);
      return {};
    }
    if (open.leaves != e.leaves || open.leaves < 0) return "leaves do not add up";
    // What was decremented to nothing is cancelled next; what is filled is over.
    if (open.leaves == 0 && e.type == EventType::order_filled) open_.erase(at);
    return {};
  }

  std::map<OrderId, Open> open_;
  std::map<AccountId, std::uint64_t> reports_;
  std::map<LevelKey, std::pair<Quantity, std::uint32_t>> levels_;
  std::map<std::pair<AccountId, InstrumentId>, Quantity> positions_;
  std::set<EventType> kinds_;
  OrderId last_order_ = 0;
  TradeId last_trade_ = 0;
};

}  // namespace nautilus::engine::judges
