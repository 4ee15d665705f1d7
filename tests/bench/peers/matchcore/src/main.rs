// matchcore: one book an instrument. No accounts, no risk checks, no names of the client: an order is called by the
// sequence number of its submission, which the driver keeps in an array.
#[path = "../../flow.rs"]
mod flow;
use matchcore::*;

struct Books {
    books: Vec<OrderBook>,
    ids: Vec<u64>,
    next: Vec<u64>,
}

fn step(engine: &mut Books, message: &flow::Message) -> u64 {
    let at = message.instrument as usize;
    let sequence = engine.next[at];
    engine.next[at] += 1;
    let policy = QuantityPolicy::Standard { quantity: Quantity(message.quantity as u64) };
    let kind = match message.action {
        1 => {
            engine.ids[message.order as usize] = sequence;
            let side = if message.buy { Side::Buy } else { Side::Sell };
            CommandKind::Submit(SubmitCmd {
                order: NewOrder::Limit(LimitOrder::new(
                    Price(message.price as u64),
                    policy,
                    OrderFlags::new(side, false, TimeInForce::Gtc),
                )),
            })
        }
        2 => CommandKind::Cancel(CancelCmd {
            order_id: OrderId(engine.ids[message.order as usize]),
            order_kind: OrderKind::Limit,
        }),
        _ => CommandKind::Amend(AmendCmd {
            order_id: OrderId(engine.ids[message.order as usize]),
            patch: AmendPatch::Limit(
                LimitOrderPatch::new().with_price(Price(message.price as u64)).with_quantity_policy(policy),
            ),
        }),
    };
    let command =
        Command { meta: CommandMeta { sequence_number: SequenceNumber(sequence), timestamp: Timestamp(sequence) }, kind };
    let outcome = engine.books[at].execute(&command);
    let trades = |effects: &CommandEffects| {
        effects.target_order().match_result().map_or(0, |result| result.trades().len() as u64)
    };
    match std::hint::black_box(&outcome) {
        CommandOutcome::Applied(CommandReport::Submit(effects)) => trades(effects),
        CommandOutcome::Applied(CommandReport::Amend(effects)) => trades(effects),
        _ => 0,
    }
}

fn main() {
    flow::measure(
        "matchcore 0.4.0",
        |orders| Books {
            books: (0..64).map(|i| OrderBook::new(&format!("S{i}"))).collect(),
            ids: vec![0; orders + 1],
            next: vec![0; 64],
        },
        step,
    );
}
