// Reads the flow of engine/bench/flow.h, runs it, measures it as engine_book_bench does: each message with the processor's
// counter in one run, all of them together in another; the first third only warms up.
use std::arch::x86_64::{__rdtscp, _rdtsc};
use std::time::{Duration, Instant};

#[derive(Clone, Copy)]
pub struct Message {
    pub action: u32,
    pub instrument: u32,
    pub order: u64,
    pub account: u32,
    pub buy: bool,
    pub price: i64,
    pub quantity: i64,
}

pub fn read(path: &str) -> Vec<Message> {
    let bytes = std::fs::read(path).expect("the flow");
    let word = |b: &[u8]| u32::from_le_bytes(b.try_into().unwrap());
    let long = |b: &[u8]| u64::from_le_bytes(b.try_into().unwrap());
    bytes
        .chunks_exact(40)
        .map(|b| Message {
            action: word(&b[0..4]),
            instrument: word(&b[4..8]),
            order: long(&b[8..16]),
            account: word(&b[16..20]),
            buy: word(&b[20..24]) == 1,
            price: long(&b[24..32]) as i64,
            quantity: long(&b[32..40]) as i64,
        })
        .collect()
}

fn now() -> u64 {
    let mut core = 0u32;
    unsafe { __rdtscp(&mut core) }
}

fn ticks_per_nanosecond() -> f64 {
    let from = Instant::now();
    let a = unsafe { _rdtsc() };
    while from.elapsed() < Duration::from_millis(50) {}
    let b = unsafe { _rdtsc() };
    (b - a) as f64 / from.elapsed().as_nanos() as f64
}

/// `start` makes a fresh engine; `step` carries out one message and returns how many trades it made.
pub fn measure<E>(name: &str, start: impl Fn(usize) -> E, step: impl Fn(&mut E, &Message) -> u64) {
    let path = std::env::args().nth(1).expect("the file of the flow");
    let rounds: usize = std::env::args().nth(2).map_or(3, |text| text.parse().unwrap());
    let flow = read(&path);
    let warm = flow.len() / 3;
    let rate = ticks_per_nanosecond();
    let overhead = (0..10_000).map(|_| { let a = now(); now() - a }).min().unwrap();
    let (mut best_whole, mut best_each, mut percentiles, mut trades) = (f64::MAX, f64::MAX, [0f64; 4], 0u64);
    for _ in 0..rounds {
        let mut engine = start(flow.len());
        for message in &flow[..warm] {
            step(&mut engine, message);
        }
        let begin = now();
        let mut made = 0;
        for message in &flow[warm..] {
            made += step(&mut engine, message);
        }
        let mean = (now() - begin) as f64 / rate / (flow.len() - warm) as f64;
        best_whole = best_whole.min(mean);
        trades = made;
        drop(engine);

        let mut engine = start(flow.len());
        for message in &flow[..warm] {
            step(&mut engine, message);
        }
        let mut times: Vec<u64> = Vec::with_capacity(flow.len());
        let begin = now();
        let mut last = begin;
        for message in &flow[warm..] {
            step(&mut engine, message);
            let at = now();
            times.push(at - last);
            last = at;
        }
        let mean = (last - begin) as f64;
        if mean < best_each {
            best_each = mean;
            times.sort_unstable();
            for (into, part) in percentiles.iter_mut().zip([0.5, 0.99, 0.999, 1.0]) {
                let value = times[(part * (times.len() - 1) as f64) as usize];
                *into = value.saturating_sub(overhead) as f64 / rate;
            }
        }
    }
    println!(
        "{{\"name\": \"{}\", \"messages\": {}, \"median_ns\": {:.1}, \"p99_ns\": {:.1}, \"p999_ns\": {:.1}, \"max_ns\": {:.0}, \"mean_ns\": {:.1}, \"per_second\": {:.0}, \"trades\": {}}}",
        name, flow.len(), percentiles[0], percentiles[1], percentiles[2], percentiles[3], best_whole, 1e9 / best_whole, trades
    );
}
