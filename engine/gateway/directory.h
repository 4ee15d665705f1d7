// What the gateway knows of the engine, built from events and nothing else: Machine::describe() first, then what is
// released. It answers queries and makes market data messages; the engine itself is never asked.
//
// Threading: not safe; the Hub guards it. A Reference is immutable and may be read anywhere.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/gateway/encode.h"
#include "engine/model/definition_event.h"

namespace nautilus::engine {

// Names to numbers and back. A new one is made whenever a definition arrives.
struct Reference {
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  template <class Id>
  using Names = std::unordered_map<std::string, Id, Hash, std::equal_to<>>;

  std::vector<Instrument> instruments;  // by id
  std::vector<Account> accounts;        // by id
  Names<InstrumentId> symbols;
  Names<AccountId> account_names;

  const Instrument* instrument(InstrumentId id) const { return id < instruments.size() ? &instruments[id] : nullptr; }
  const Account* account(AccountId id) const { return id < accounts.size() ? &accounts[id] : nullptr; }
  InstrumentId find_symbol(std::string_view symbol) const;
  AccountId find_account(std::string_view name) const;
};

inline constexpr std::size_t kMaxKnownInstruments = 100'000;  // ids beyond these bounds are not believed
inline constexpr std::size_t kMaxKnownAccounts = 1'000'000;
inline constexpr std::size_t kMaxOrdersPage = 1000;

class Directory {
 public:
  Directory();
  void apply(const Event& event);

  std::shared_ptr<const Reference> reference() const { return reference_; }

  // The order's state as last reported, as an order_status event; null if it is not open.
  const Event* find(AccountId account, const ClientOrderId& client_id) const;
  const Event* find(AccountId account, OrderId order) const;
  // Open orders with an id above `after`, lowest first, at most `limit`.
  std::vector<const Event*> open_orders(AccountId account, OrderId after, std::size_t limit) const;
  std::size_t open_order_count() const { return orders_.size(); }

  // Net lots per instrument that are not zero.
  const std::map<InstrumentId, Quantity>& positions(AccountId account) const;

  struct Level {
    Quantity quantity = 0;
    std::uint32_t orders = 0;
  };
  struct Book {
    std::map<Price, Level, std::greater<>> bids;
    std::map<Price, Level> asks;
    Phase phase = Phase::closed;
    Price indication_price = kNoPrice;
    Quantity indication_quantity = 0;
    Price last_price = kNoPrice;
    Quantity last_quantity = 0;
    Sequence sequence = 0;  // of the last command that changed it
    Timestamp time = 0;
    std::uint64_t market_sequence = 0;  // of the market data messages of this instrument
  };
  Book* book(InstrumentId id);
  // {"type":"market_snapshot",...}; at most `depth` levels a side, 0 = all.
  void append_snapshot(std::string& out, InstrumentId id, std::size_t depth) const;

  EngineState engine_state() const { return engine_state_; }
  Epoch epoch() const { return epoch_; }
  Sequence sequence() const { return sequence_; }
  bool killed(AccountId account) const;

 private:
  struct AccountState {
    std::unordered_map<std::string, OrderId> by_client_id;
    std::map<OrderId, Event*> open;
    std::map<InstrumentId, Quantity> positions;
    bool killed = false;
  };
  void define_instrument(const Event& event);
  void define_account(const Event& event);
  void apply_report(const Event& event);
  void apply_market(const Event& event);
  AccountState* account_state(AccountId id);
  const AccountState* account_state(AccountId id) const;

  std::shared_ptr<const Reference> reference_;
  std::unordered_map<OrderId, Event> orders_;
  std::vector<AccountState> accounts_;
  std::vector<Book> books_;
  EngineState engine_state_ = EngineState::active;
  Epoch epoch_ = 0;
  Sequence sequence_ = 0;
  bool all_killed_ = false;
};

}  // namespace nautilus::engine
