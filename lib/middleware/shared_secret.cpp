#include <antiphon/middleware.hpp>
#include <antiphon/middleware/shared_secret.hpp>
#include <antiphon/rpc_error.hpp>
#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/raw_json.hpp>

#include <boost/describe/class.hpp>

#include <stdexcept>
#include <tuple>
#include <utility>

namespace antiphon {

namespace {

struct named_secret {
  std::string secret;
};
BOOST_DESCRIBE_STRUCT(named_secret, (), (secret))

std::string secret_in(std::string_view params) {
  if (params.empty()) return {};
  const raw_json value(params);
  if (value.kind() == json_kind::array) {
    auto one = value.try_decode<std::tuple<std::string>>();
    return one ? std::get<0>(*std::move(one)) : std::string();
  }
  auto one = value.try_decode<named_secret>();
  return one ? std::move(one->secret) : std::string();
}

struct expected {
  std::string secret;
  std::string method;
};

class gatekeeper final : public middleware {
 public:
  explicit gatekeeper(std::shared_ptr<const expected> what) noexcept : expected_(std::move(what)) {}

  unsigned hooks() const noexcept override { return on_received; }
  std::shared_ptr<middleware> for_connection() override { return std::make_shared<gatekeeper>(expected_); }

  void received(const message_event& message) override {
    const bool asks = message.kind() == message_kind::request || message.kind() == message_kind::notification;
    if (passed_ || !asks) return;
    if (message.kind() == message_kind::request && message.method() == expected_->method) {
      // A wrong one goes to the handler as well, which ends the connection.
      passed_ = equal_in_constant_time(secret_in(message.body()), expected_->secret);
      return;
    }
    throw rpc_error(rpc_errc::invalid_request, "not authenticated");
  }

 private:
  std::shared_ptr<const expected> expected_;
  bool passed_ = false;
};

}  // namespace

void require_secret(router& routes, std::string secret, std::string method) {
  if (secret.empty()) throw std::invalid_argument("an empty secret");
  const auto what = std::make_shared<const expected>(expected{std::move(secret), std::move(method)});
  routes.use(std::make_shared<gatekeeper>(what));
  routes.on_request(
      what->method,
      [what](call_context& call, std::string_view given) {
        if (equal_in_constant_time(given, what->secret)) return true;
        call.peer().close();
        throw rpc_error(rpc_errc::invalid_request, "wrong secret");
      },
      {"secret"}, route_options(order::immediate));
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  // Volatile, so that no compiler finds out that it could stop at the first difference.
  volatile unsigned char difference = 0;
  for (std::size_t at = 0; at < a.size(); ++at)
    difference = static_cast<unsigned char>(difference | (a[at] ^ b[at]));
  return difference == 0;
}

}  // namespace antiphon
