// A proxy on loopback that misbehaves on demand: cuts, truncates, damages, reorders and holds back bytes.
//
// Each new connection takes the next plan; without one it behaves. Threading: one thread of its own.
#pragma once

#include <boost/asio.hpp>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

namespace nautilus::engine::test {

class BadNetwork {
 public:
  struct Plan {
    std::size_t cut_after = SIZE_MAX;     // bytes from the server; then both ends are closed
    std::size_t cut_up_after = SIZE_MAX;  // bytes from the client
    std::size_t flip_at = SIZE_MAX;       // this byte from the server has a bit flipped
    std::size_t swap_at = SIZE_MAX;       // from here on, two runs of 64 bytes change places
  };
  explicit BadNetwork(std::uint16_t target)
      : acceptor_(io_, Tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)), target_(target) {
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~BadNetwork() {
    boost::asio::post(io_, [this] {
      boost::system::error_code ignored;
      acceptor_.close(ignored);
      close_all();
    });
    thread_.join();
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  void plan(Plan plan) {
    const std::lock_guard guard(mutex_);
    plans_.push_back(plan);
  }
  // Closes every connection; with `refuse`, new ones too until the next call.
  void cut(bool refuse = false) {
    boost::asio::post(io_, [this, refuse] {
      refuse_ = refuse;
      close_all();
    });
  }
  // New connections go there.
  void retarget(std::uint16_t target) {
    boost::asio::post(io_, [this, target] { target_ = target; });
  }
  std::size_t plans_left() const {
    const std::lock_guard guard(mutex_);
    return plans_.size();
  }

 private:
  using Tcp = boost::asio::ip::tcp;
  struct Pipe {
    explicit Pipe(boost::asio::io_context& io) : client(io), server(io) {}
    Tcp::socket client, server;
    Plan plan;
    std::size_t down = 0, up = 0;
    std::array<char, 4096> down_buffer{}, up_buffer{};
    void close() {
      boost::system::error_code ignored;
      client.close(ignored), server.close(ignored);
    }
  };
  using Shared = std::shared_ptr<Pipe>;

  void close_all() {
    for (const auto& pipe : pipes_) pipe->close();
    pipes_.clear();
  }
  void accept() {
    auto pipe = std::make_shared<Pipe>(io_);
    acceptor_.async_accept(pipe->client, [this, pipe](boost::system::error_code error) {
      if (!acceptor_.is_open()) return;
      if (!error && !refuse_) begin(pipe);
      accept();
    });
  }
  void begin(const Shared& pipe) {
    {
      const std::lock_guard guard(mutex_);
      if (!plans_.empty()) pipe->plan = plans_.front(), plans_.pop_front();
    }
    boost::system::error_code error;
    pipe->server.connect(Tcp::endpoint(boost::asio::ip::address_v4::loopback(), target_), error);
    if (error) return pipe->close();
    pipes_.insert(pipe);
    down(pipe), up(pipe);
  }
  void down(const Shared& pipe) {
    pipe->server.async_read_some(boost::asio::buffer(pipe->down_buffer), [this, pipe](boost::system::error_code error,
                                                                                      std::size_t n) {
      if (error) return end(pipe);
      const std::size_t begin = pipe->down;
      pipe->down += n;
      if (pipe->plan.flip_at >= begin && pipe->plan.flip_at < pipe->down)
        pipe->down_buffer[pipe->plan.flip_at - begin] ^= 0x20;
      if (pipe->plan.swap_at >= begin && pipe->plan.swap_at < pipe->down && pipe->down - pipe->plan.swap_at >= 128) {
        const auto at = pipe->down_buffer.begin() + static_cast<std::ptrdiff_t>(pipe->plan.swap_at - begin);
        std::swap_ranges(at, at + 64, at + 64);
      }
      const std::size_t send =
          pipe->down > pipe->plan.cut_after ? pipe->plan.cut_after - std::min(begin, pipe->plan.cut_after) : n;
      boost::asio::async_write(pipe->client, boost::asio::buffer(pipe->down_buffer.data(), send),
                               [this, pipe, whole = send == n](boost::system::error_code failed, std::size_t) {
                                 if (failed || !whole) return end(pipe);
                                 down(pipe);
                               });
    });
  }
  void up(const Shared& pipe) {
    pipe->client.async_read_some(boost::asio::buffer(pipe->up_buffer), [this, pipe](boost::system::error_code error,
                                                                                    std::size_t n) {
      if (error) return end(pipe);
      const std::size_t begin = pipe->up;
      pipe->up += n;
      const std::size_t send =
          pipe->up > pipe->plan.cut_up_after ? pipe->plan.cut_up_after - std::min(begin, pipe->plan.cut_up_after) : n;
      boost::asio::async_write(pipe->server, boost::asio::buffer(pipe->up_buffer.data(), send),
                               [this, pipe, whole = send == n](boost::system::error_code failed, std::size_t) {
                                 if (failed || !whole) return end(pipe);
                                 up(pipe);
                               });
    });
  }
  void end(const Shared& pipe) {
    pipe->close();
    pipes_.erase(pipe);
  }

  boost::asio::io_context io_{1};
  Tcp::acceptor acceptor_;
  std::uint16_t target_;
  bool refuse_ = false;
  std::set<Shared> pipes_;
  mutable std::mutex mutex_;
  std::deque<Plan> plans_;
  std::thread thread_;
};

}  // namespace nautilus::engine::test
