#include "engine/bench/commands.h"

#include <fmt/format.h>

namespace nautilus::engine::bench {
namespace {

ClientOrderId name_of(std::uint64_t order, std::uint32_t version) {
  char text[32];
  const auto end = fmt::format_to(text, "ORD-{}-{}", order, version);
  return ClientOrderId::from(std::string_view(text, static_cast<std::size_t>(end - text)));
}

}  // namespace

std::vector<Command> definitions() {
  std::vector<Command> out;
  Command command;
  command.type = CommandType::define_instrument;
  for (std::uint32_t i = 0; i < kInstruments; ++i) {
    Instrument& what = command.instrument_definition;
    what.symbol = Symbol::from(fmt::format("S{}", i));
    what.min_price = 1;
    what.max_price = kMaxTicks;
    what.reference_price = kMiddlePrice;
    what.collar_basis_points = 2'000;
    what.max_notional = INT64_MAX / 2;
    out.push_back(command);
  }
  command = Command();
  command.type = CommandType::define_account;
  for (std::uint32_t i = 0; i < kAccounts; ++i) {
    Account& account = command.account_definition;
    account.name = AccountName::from(fmt::format("a{}", i));
    AccountLimits& limits = account.limits;
    limits.max_order_quantity = 10'000;
    limits.max_order_notional = INT64_MAX / 4;
    limits.max_open_notional = INT64_MAX / 2;
    limits.max_open_orders = 10'000'000;
    limits.orders_per_second = 4'000'000'000;
    limits.max_position = INT64_MAX / 8;
    limits.self_trade = SelfTradePrevention::cancel_newest;
    out.push_back(command);
  }
  return out;
}

EngineOptions roomy(std::size_t resting) {
  EngineOptions out;
  out.orders = resting + resting / 4;
  out.level_pages = kInstruments * 8;
  out.positions = kInstruments * kAccounts * 2;
  out.warm_ticks = 2'000;
  return out;
}

void Maker::make(const Message& message, Command& out) {
  out.account = message.account;
  out.instrument = message.instrument;
  out.client_tag = ++made_;
  std::uint32_t& version = versions_[message.order];
  if (message.action == Action::add) {
    out.type = CommandType::new_order;
    out.side = message.buy ? Side::buy : Side::sell;
    out.client_id = name_of(message.order, version);
    out.price = message.price;
    out.quantity = message.quantity;
    return;
  }
  out.orig_client_id = name_of(message.order, version);
  if (message.action == Action::cancel) {
    out.type = CommandType::cancel_order;
    return;
  }
  out.type = CommandType::replace_order;
  out.client_id = name_of(message.order, ++version);
  out.price = message.price;
  out.quantity = message.quantity;
}

}  // namespace nautilus::engine::bench
