// exchange-core: its "direct" order book, one an instrument, called straight: no disruptor between threads, no risk
// engine, no accounts, no client ids. A replacement moves the price, as that is what its book can do. Measured as
// flow.rs does, with System.nanoTime; the whole flow runs once before for the compiler.
import exchange.core2.collections.objpool.ObjectsPool;
import exchange.core2.core.common.*;
import exchange.core2.core.common.cmd.*;
import exchange.core2.core.common.config.LoggingConfiguration;
import exchange.core2.core.orderbook.*;
import java.nio.*;
import java.nio.file.*;
import java.util.Arrays;

public final class Peer {
    private static ByteBuffer flow;
    private static long trades;

    private static IOrderBook[] books() {
        ObjectsPool pool = ObjectsPool.createDefaultTestPool();
        IOrderBook[] out = new IOrderBook[64];
        for (int i = 0; i < out.length; i++) {
            CoreSymbolSpecification spec = CoreSymbolSpecification.builder()
                .symbolId(i).type(SymbolType.FUTURES_CONTRACT).baseCurrency(1).quoteCurrency(2)
                .baseScaleK(1).quoteScaleK(1).build();
            out[i] = new OrderBookDirectImpl(spec, pool, OrderBookEventsHelper.NON_POOLED_EVENTS_HELPER,
                LoggingConfiguration.DEFAULT);
        }
        return out;
    }

    private static void step(IOrderBook[] books, OrderCommand command, int at) {
        int action = flow.getInt(at);
        IOrderBook book = books[flow.getInt(at + 4)];
        command.orderId = flow.getLong(at + 8);
        command.uid = flow.getInt(at + 16) + 1;
        command.action = flow.getInt(at + 20) == 1 ? OrderAction.BID : OrderAction.ASK;
        command.price = flow.getLong(at + 24);
        command.reserveBidPrice = command.price;
        command.size = flow.getLong(at + 32);
        command.orderType = OrderType.GTC;
        command.matcherEvent = null;
        command.command = action == 1 ? OrderCommandType.PLACE_ORDER
            : action == 2 ? OrderCommandType.CANCEL_ORDER : OrderCommandType.MOVE_ORDER;
        command.resultCode = CommandResultCode.VALID_FOR_MATCHING_ENGINE;
        command.resultCode = IOrderBook.processCommand(book, command);
        for (MatcherTradeEvent event = command.matcherEvent; event != null; event = event.nextEvent)
            if (event.eventType == MatcherEventType.TRADE) trades++;
    }

    public static void main(String[] arguments) throws Exception {
        flow = ByteBuffer.wrap(Files.readAllBytes(Path.of(arguments[0]))).order(ByteOrder.LITTLE_ENDIAN);
        int rounds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 3;
        int count = flow.capacity() / 40, warm = count / 3;
        OrderCommand command = new OrderCommand();
        IOrderBook[] first = books();
        for (int i = 0; i < count; i++) step(first, command, i * 40);
        double bestWhole = Double.MAX_VALUE, bestEach = Double.MAX_VALUE;
        long[] shown = new long[4];
        long made = 0;
        long[] times = new long[count - warm];
        for (int round = 0; round < rounds; round++) {
            IOrderBook[] books = books();
            for (int i = 0; i < warm; i++) step(books, command, i * 40);
            trades = 0;
            long begin = System.nanoTime();
            for (int i = warm; i < count; i++) step(books, command, i * 40);
            bestWhole = Math.min(bestWhole, (System.nanoTime() - begin) / (double) (count - warm));
            made = trades;
            books = books();
            for (int i = 0; i < warm; i++) step(books, command, i * 40);
            begin = System.nanoTime();
            long last = begin;
            for (int i = warm; i < count; i++) {
                step(books, command, i * 40);
                long now = System.nanoTime();
                times[i - warm] = now - last;
                last = now;
            }
            if (last - begin < bestEach) {
                bestEach = last - begin;
                Arrays.sort(times);
                double[] parts = {0.5, 0.99, 0.999, 1.0};
                for (int p = 0; p < parts.length; p++) shown[p] = times[(int) (parts[p] * (times.length - 1))];
            }
        }
        System.out.printf(
            "{\"name\": \"exchange-core 0.5.3 (book only)\", \"messages\": %d, \"median_ns\": %d, \"p99_ns\": %d, "
                + "\"p999_ns\": %d, \"max_ns\": %d, \"mean_ns\": %.1f, \"per_second\": %.0f, \"trades\": %d}%n",
            count, shown[0], shown[1], shown[2], shown[3], bestWhole, 1e9 / bestWhole, made);
    }
}
