// orderbook-rs: one book an instrument, its own risk checks off, one user an account, listeners off.
#[path = "../../flow.rs"]
mod flow;
use orderbook_rs::OrderBook;
use pricelevel::{Id, OrderUpdate, Price, Quantity, Side, TimeInForce};

fn step(books: &mut Vec<OrderBook>, message: &flow::Message) -> u64 {
    let book = &books[message.instrument as usize];
    let id = Id::from_u64(message.order);
    let side = if message.buy { Side::Buy } else { Side::Sell };
    match message.action {
        1 => {
            let placed = book.add_limit_order(
                id,
                message.price as u128,
                message.quantity as u64,
                side,
                TimeInForce::Gtc,
                None,
            );
            let _ = std::hint::black_box(placed);
        }
        2 => {
            let _ = std::hint::black_box(book.cancel_order(id));
        }
        _ => {
            let _ = std::hint::black_box(book.update_order(OrderUpdate::UpdatePriceAndQuantity {
                order_id: id,
                new_price: Price::new(message.price as u128),
                new_quantity: Quantity::new(message.quantity as u64),
            }));
        }
    }
    0
}

fn main() {
    flow::measure("orderbook-rs 0.15.3", |_| (0..64).map(|i| OrderBook::new(&format!("S{i}"))).collect(), step);
}
