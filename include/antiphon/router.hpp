#pragma once

#include <antiphon/call_context.hpp>
#include <antiphon/handler_traits.hpp>
#include <antiphon/type_shape.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace antiphon {

/// When a handler may start, relative to the messages around it.
enum class order {
  concurrent,  ///< in arrival order; what comes later may start once it suspends. The default for requests.
  ordered,    ///< nothing later starts until it ends or calls `release_order`. The default for notifications.
  immediate,  ///< when it is read, past whatever waits
};

/// How one method is served.
struct route_options {
  route_options() noexcept {}
  explicit route_options(antiphon::order when) noexcept : order(when) {}
  std::optional<antiphon::order> order;
  /// Where the handler runs, for work that would hold the endpoint up; empty is the endpoint's own executor.
  /// A thread pool may run many at a time: what they share is theirs to guard. Their answers are encoded and
  /// sent by the endpoint, and all that `call_context` offers may be used there. The pool is stopped and
  /// joined before the io_context of the endpoint is destroyed.
  asio::any_io_executor executor{};

  /// How long a coroutine handler may take from its start; time in the queue doesn't count. Then the request
  /// is answered -32001 "timed out", the handler is cancelled (`call_context::cancelled`, Asio's cancellation
  /// signal), and whatever it returns later is dropped. It keeps its permit until it ends. A notification's
  /// handler is cancelled. A synchronous handler can't be interrupted, so none of this holds for it. Zero is
  /// for ever.
  std::chrono::milliseconds time_limit{0};

  /// What a request asks about, of which only the newest matters: a document's URI for its diagnostics, for
  /// example. A newer request of this route with an equal key cancels the older one as the peer's
  /// cancellation would: one that waits is answered -32800 and never runs, one that runs gets its
  /// cancellation signal. So it is whether or not the newer one is then refused. Requests for which there is
  /// no key, and notifications, take no part. Called when a request arrives, with its parameters, which are
  /// valid during the call; what it throws answers the request as if the handler had thrown it.
  std::function<std::optional<std::string>(const raw_json& params)> supersede_key;
};

/// The names of a handler's arguments, for parameters by name.
using parameter_names = std::initializer_list<std::string_view>;

class middleware;

namespace detail {

struct method_counts;

/// A handler and its arguments, on the way to another executor and back.
class held_handler {
 public:
  held_handler() = default;
  held_handler(const held_handler&) = delete;
  held_handler& operator=(const held_handler&) = delete;
  virtual ~held_handler() = default;
  /// There: calls the handler. What is left to await, not valid when that was all.
  virtual asio::awaitable<void> start(inbound_call& call) = 0;
  /// Here again, once all of that is done.
  virtual void answer(inbound_call& call) = 0;
};

/// Runs it on the executor `where`; cancelling reaches it there. Not a template: it is compiled once.
asio::awaitable<void> run_elsewhere(inbound_call& call, std::unique_ptr<held_handler> held,
                                    asio::any_io_executor where);

/// One method's handler, its types erased.
class route {
 public:
  using key_function = std::function<std::optional<std::string>(const raw_json&)>;

  route(antiphon::order when, route_options options)
      : order_(when),
        time_limit_(options.time_limit),
        executor_(options.executor
                      ? std::make_unique<const asio::any_io_executor>(std::move(options.executor))
                      : nullptr),
        supersede_key_(options.supersede_key
                           ? std::make_unique<const key_function>(std::move(options.supersede_key))
                           : nullptr) {}
  route(const route&) = delete;
  route& operator=(const route&) = delete;
  virtual ~route() = default;
  virtual void start(inbound_call& call) = 0;
  /// For discovery. Valid as long as this is.
  virtual handler_shape describe() const { return {}; }
  antiphon::order order() const noexcept { return order_; }
  std::chrono::milliseconds time_limit() const noexcept { return time_limit_; }
  /// Null: the endpoint's own.
  const asio::any_io_executor* executor() const noexcept { return executor_.get(); }
  /// Null: none of its requests supersedes another.
  const key_function* supersede_key() const noexcept { return supersede_key_.get(); }

  method_counts* counts = nullptr;  // where there are method_statistics

 private:
  antiphon::order order_;
  std::chrono::milliseconds time_limit_;
  std::unique_ptr<const asio::any_io_executor> executor_;
  std::unique_ptr<const key_function> supersede_key_;
};

template <class Handler>
class typed_route final : public route {
  using shape = signature<Handler>;
  using context = split_context<typename shape::arguments>;
  using slots = typename argument_slots<typename context::rest>::tuple;
  using result = handler_result<typename shape::result>;

 public:
  typed_route(antiphon::order when, Handler handler, std::vector<std::string> names, route_options options)
      : route(when, std::move(options)), handler_(std::move(handler)), names_(std::move(names)) {}

  static constexpr std::size_t arity = std::tuple_size_v<slots>;

  void start(inbound_call& call) override {
    if (result::is_coroutine || executor() != nullptr) call.keep_message();
    slots arguments;
    if (!read(call, arguments)) return;
    if (executor() != nullptr) {
      call.run(run_elsewhere(call, std::make_unique<held>(handler_, std::move(arguments)), *executor()));
    } else if constexpr (result::is_coroutine) {
      call.run(drive(call, handler_, std::move(arguments)));
    } else {
      answer(call, arguments);
    }
  }

  handler_shape describe() const override {
    return {argument_shapes(static_cast<slots*>(nullptr)), names_,
            &shape_of<std::remove_cvref_t<typename result::type>>};
  }

 private:
  template <class... Slots>
  static std::span<const handler_shape::argument> argument_shapes(std::tuple<Slots...>*) {
    static constexpr std::array<handler_shape::argument, sizeof...(Slots)> shapes{
        {{&shape_of<typename slot_type<Slots>::type>, !is_optional_slot<Slots>,
          is_whole_params<typename slot_type<Slots>::type>}...}};
    return shapes;
  }

  bool read(inbound_call& call, slots& arguments) {
    if constexpr (std::is_same_v<slots, std::tuple<argument_slot<raw_json>>>) {
      if (names_.empty()) {  // the whole, as it came
        std::get<0>(arguments).value = call.params();
        return true;
      }
    }
    const raw_json params = call.params();
    params_reader reader(params.bytes(), names_);
    if (reader.read(arguments)) return true;
    call.fail_params(reader.take_error());
    return false;
  }

  template <class... Slots>
  static decltype(auto) invoke(inbound_call& call, Handler& handler, std::tuple<Slots...>& arguments) {
    return std::apply(
        [&](auto&... slot) -> decltype(auto) {
          if constexpr (context::present) {
            return handler(static_cast<call_context&>(call), pass<Slots>(slot)...);
          } else {
            return handler(pass<Slots>(slot)...);
          }
        },
        arguments);
  }
  /// A slot is used once, so a handler that takes its argument by value may have it.
  template <class Slot>
  static auto&& pass(Slot& slot) {
    if constexpr (boost::mp11::mp_count<typename context::rest,
                                        std::add_lvalue_reference_t<typename slot_type<Slot>::type>>::value >
                  0) {
      return slot.get();
    } else {
      return std::move(slot.get());
    }
  }

  void answer(inbound_call& call, slots& arguments) {
    try {
      if constexpr (std::is_void_v<typename result::type>) {
        invoke(call, handler_, arguments);
        call.reply_null();
      } else {
        decltype(auto) value = invoke(call, handler_, arguments);
        call.reply([&value](output_chain& out) { encode(out, value); });
      }
    } catch (...) {
      call.fail(std::current_exception());
    }
  }

  // The arguments live in this frame for as long as the handler runs.
  static asio::awaitable<void> drive(inbound_call& call, Handler& handler, slots arguments) {
    try {
      if constexpr (std::is_void_v<typename result::type>) {
        auto running = invoke(call, handler, arguments);
        co_await std::move(running);
        call.reply_null();
      } else {
        auto running = invoke(call, handler, arguments);
        auto value = co_await std::move(running);
        call.reply([&value](output_chain& out) { encode(out, value); });
      }
    } catch (...) {
      call.fail(std::current_exception());
    }
  }

  class held final : public held_handler {
   public:
    held(Handler& handler, slots&& arguments) : handler_(handler), arguments_(std::move(arguments)) {}

    asio::awaitable<void> start(inbound_call& call) override {
      if constexpr (result::is_coroutine) {
        return wait(call);
      } else if constexpr (std::is_void_v<typename result::type>) {
        invoke(call, handler_, arguments_);
      } else {
        value_.emplace(invoke(call, handler_, arguments_));
      }
      return {};
    }

    void answer(inbound_call& call) override {
      if constexpr (std::is_void_v<typename result::type>) {
        call.reply_null();
      } else {
        call.reply([this](output_chain& out) { encode(out, *value_); });
      }
    }

   private:
    asio::awaitable<void> wait(inbound_call& call) {
      auto running = invoke(call, handler_, arguments_);
      if constexpr (std::is_void_v<typename result::type>) {
        co_await std::move(running);
      } else {
        auto value = co_await std::move(running);
        value_.emplace(std::move(value));
      }
    }

    using value_type = boost::mp11::mp_if<std::is_void<typename result::type>, std::monostate,
                                          std::remove_cvref_t<typename result::type>>;
    Handler& handler_;
    slots arguments_;
    std::optional<value_type> value_;
  };

  Handler handler_;
  std::vector<std::string> names_;
};

}  // namespace detail

/// Which handler serves which method. Filled before it is given to an endpoint.
///
/// A handler is a function or function object, synchronous or returning `asio::awaitable`. It may take a
/// `call_context&` first. Its parameters come from the message: a lone described struct, map, container,
/// raw_json or boost::json::value takes `params` as a whole (a struct also by position, in member order);
/// other arguments are taken by position, and by name where names are given. std::optional ones may be
/// missing. What doesn't fit is answered -32602 with the name of the parameter and what is wrong. The result
/// is anything that encode.hpp can write; void is null. A handler throws `rpc_error` to answer with that
/// error; any other exception becomes -32603 without its text.
///
/// Handlers live as long as the endpoint, so what a coroutine lambda captures stays valid while it runs.
/// Arguments taken by reference or as std::string_view are valid until the handler ends.
class router {
 public:
  router() = default;
  router(router&&) noexcept = default;
  router& operator=(router&&) noexcept = default;

  /// Serves requests of `method`; a later registration replaces an earlier one.
  /// @throws std::invalid_argument when the number of names isn't that of the handler's arguments
  template <class Handler>
  router& on_request(std::string method, Handler handler, parameter_names names = {},
                     route_options options = {}) {
    auto made = make(std::move(handler), names, order::concurrent, std::move(options));
    entry_of(std::move(method)).request = std::move(made);
    return *this;
  }
  /// Serves notifications of `method`.
  template <class Handler>
  router& on_notification(std::string method, Handler handler, parameter_names names = {},
                          route_options options = {}) {
    auto made = make(std::move(handler), names, order::ordered, std::move(options));
    entry_of(std::move(method)).notification = std::move(made);
    return *this;
  }
  /// Serves requests of every method that has no handler of its own, as a relay does. The handler asks its
  /// `call_context` for the method. In the figures of method_statistics all of them are one method, "*".
  template <class Handler>
  router& on_any_request(Handler handler, route_options options = {}) {
    auto made = make(std::move(handler), {}, order::concurrent, std::move(options));
    any_entry().request = std::move(made);
    return *this;
  }
  /// The same for notifications. Those that the endpoint itself understands (cancellations) aren't among
  /// them.
  template <class Handler>
  router& on_any_notification(Handler handler, route_options options = {}) {
    auto made = make(std::move(handler), {}, order::ordered, std::move(options));
    any_entry().notification = std::move(made);
    return *this;
  }
  /// Installs middleware that belongs to these routes: within that of `endpoint_options::middleware`, behind
  /// that of earlier calls.
  router& use(std::shared_ptr<middleware> inner) {
    middleware_.push_back(std::move(inner));
    return *this;
  }

  // For the endpoint.
  struct entry {
    std::string name;
    std::unique_ptr<detail::route> request;       // null: not served
    std::unique_ptr<detail::route> notification;  // null: not served
  };
  /// Null when there is none. It stays where it is once all are registered.
  const entry* find(std::string_view name) const noexcept;
  /// What serves all other methods; null when there is nothing that does.
  const entry* any() const noexcept {
    return places_.empty() || places_.back() == 0 ? nullptr : &methods_[places_.back() - 1];
  }
  /// Makes it.
  entry& any_entry();
  std::vector<entry>& methods() noexcept { return methods_; }
  const std::vector<entry>& methods() const noexcept { return methods_; }
  std::vector<std::shared_ptr<middleware>> take_middleware() noexcept { return std::move(middleware_); }

 private:
  static void check_names(std::size_t names, std::size_t arguments);

  template <class Handler>
  static std::unique_ptr<detail::route> make(Handler handler, parameter_names names, order usual,
                                             route_options options) {
    using route_type = detail::typed_route<std::decay_t<Handler>>;
    check_names(names.size(), route_type::arity);
    const order when = options.order.value_or(usual);
    return std::make_unique<route_type>(
        when, std::move(handler), std::vector<std::string>(names.begin(), names.end()), std::move(options));
  }

  entry& entry_of(std::string name);
  std::uint32_t& free_place(std::string_view name) noexcept;
  void make_places();

  // A hash table that is small where there is a router a connection: where a name's hash points, or in the
  // next free place, is one more than its number among the methods. At least half of the places are free.
  // Behind the last place stands the number of what serves all other methods: so it costs those nothing who
  // have none.
  std::vector<entry> methods_;
  std::vector<std::uint32_t> places_;
  std::vector<std::shared_ptr<middleware>> middleware_;
};

}  // namespace antiphon
