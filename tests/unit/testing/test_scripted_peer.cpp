#include "tests/support/counted.hpp"
#include "tests/support/transports.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/testing/deterministic_context.hpp>
#include <antiphon/testing/scripted_transport.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/system/error_code.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

// An endpoint and a peer that isn't one of ours: what it says was drawn by lot, comes in drawn pieces, and
// some operation of the connection fails. What must be answered, and how, is known beforehand.

namespace asio = boost::asio;
using antiphon::end_reason;
using antiphon::testing::deterministic_context;
using antiphon::testing::dice;
using antiphon::testing::make_scripted_transport;
using antiphon::testing::operation;
using antiphon::testing::script;
using antiphon::testing::seeds;
using asio::awaitable;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

namespace {

/// What may answer one id: the text of a result, or the code of an error.
struct expected {
  std::optional<std::string> result;
  std::set<int> codes;
};

/// What a peer says, and the answers that it is owed.
class talk {
 public:
  explicit talk(dice& by) : dice_(by) {
    headers_ = dice_.once_in(2);
    for (auto left = 1 + dice_.below(12); left > 0; --left) say();
  }

  const std::string& bytes() const { return bytes_; }
  int notes() const { return notes_; }
  const std::map<std::string, expected>& owed() const { return owed_; }
  std::size_t owed_to_nobody() const { return owed_to_nobody_; }
  const std::vector<std::set<std::string>>& batches() const { return batches_; }
  antiphon::framing_factory framing() const {
    return headers_ ? antiphon::framing_factory(antiphon::content_length_framing::make)
                    : antiphon::framing_factory(antiphon::line_framing::make);
  }

  /// The messages of what the endpoint said; false when it isn't framed well. The last one may be cut short.
  bool split(std::string_view said, std::vector<std::string>& messages, bool& cut) const {
    constexpr std::string_view header = "Content-Length: ";
    cut = false;
    while (!said.empty()) {
      std::size_t size = 0;
      std::size_t begin = 0;
      std::size_t end = said.find(headers_ ? "\r\n\r\n" : "\n");
      if (end == std::string_view::npos) return cut = true;
      if (headers_) {
        if (!said.starts_with(header)) return false;
        const auto number = said.substr(header.size(), end - header.size());
        const auto parsed = std::from_chars(number.data(), number.data() + number.size(), size);
        if (parsed.ptr != number.data() + number.size()) return false;
        begin = end + 4;
        end = begin + size;
        if (end > said.size()) return cut = true;
        messages.emplace_back(said.substr(begin, size));
        said.remove_prefix(end);
      } else {
        messages.emplace_back(said.substr(0, end));
        said.remove_prefix(end + 1);
      }
    }
    return true;
  }

 private:
  void say() {
    switch (dice_.below(12)) {
      case 0: return frame(notification("note", std::to_string(++notes_)));
      case 1: return cancel();
      case 2: return batch();
      case 3: ++owed_to_nobody_; return frame(R"({"jsonrpc":"2.0","id":1,"method":)");
      case 4: ++owed_to_nobody_; return frame(R"({"jsonrpc":"2.0"})");
      case 5: return frame(R"({"jsonrpc":"2.0","id":4711,"result":null})");
      default: return frame(request(nullptr));
    }
  }

  void frame(std::string_view message) {
    if (headers_) {
      bytes_ += "Content-Length: " + std::to_string(message.size()) + "\r\n\r\n";
      bytes_ += message;
    } else {
      bytes_ += message;
      bytes_ += '\n';
    }
  }

  static std::string notification(std::string_view method, std::string_view params) {
    return R"({"jsonrpc":"2.0","method":")" + std::string(method) + R"(","params":[)" + std::string(params) +
           "]}";
  }

  std::string request(std::set<std::string>* batch) {
    const int n = static_cast<int>(dice_.below(1000));
    const int number = ++ids_;
    const std::string id = dice_.once_in(2) ? std::to_string(number) : '"' + std::to_string(number) + '"';
    std::string method = "add";
    std::string params = std::to_string(n) + ",1";
    expected answer{std::to_string(n + 1), {}};
    switch (dice_.below(7)) {
      case 0: {
        method = "repeat";
        params = '"' + std::string(dice_.below(3000), 'x') + '"';
        answer = {params, {}};
        break;
      }
      case 1:
        method = "slow";
        params = std::to_string(n % 20);
        answer = {params, {}};
        cancellable_.push_back(id);
        break;
      case 2:
        method = "unknown";
        answer = {{}, {-32601}};
        break;
      case 3:
        params = "true,1";
        answer = {{}, {-32602}};
        break;
      case 4:
        method = "fail";
        params = std::to_string(n + 1);
        answer = {{}, {n + 1}};
        break;
      case 5:
        method = "throw";
        params = "1";
        answer = {{}, {-32603}};
        break;
      default: break;
    }
    // Its batch may hold back more than `max_outgoing_bytes`.
    if (batch != nullptr) answer.codes.insert(-32000);
    owed_.emplace(id, std::move(answer));
    if (batch != nullptr) batch->insert(id);
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":[)" + params + "]}";
  }

  void batch() {
    std::set<std::string> ids;
    std::string members;
    for (auto left = 1 + dice_.below(4); left > 0; --left) {
      if (!members.empty()) members += ',';
      members += dice_.once_in(4) ? notification("note", std::to_string(++notes_)) : request(&ids);
    }
    frame('[' + members + ']');
    if (!ids.empty()) batches_.push_back(std::move(ids));
  }

  void cancel() {
    if (cancellable_.empty()) return;
    const std::string& id = cancellable_[dice_.below(cancellable_.size())];
    owed_.at(id).codes.insert(-32800);
    frame(R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":)" + id + "}}");
  }

  dice& dice_;
  bool headers_;
  std::string bytes_;
  std::map<std::string, expected> owed_;  // by id
  std::size_t owed_to_nobody_ = 0;        // errors whose id is null
  std::vector<std::set<std::string>> batches_;
  std::vector<std::string> cancellable_;
  int notes_ = 0;
  int ids_ = 0;
};

/// What has been heard of the answers to one talk.
class hearing {
 public:
  /// @param without_memory an answer may not have found any
  hearing(const talk& of, bool without_memory) : talk_(of), without_memory_(without_memory) {}

  /// @param all every answer has to be there
  /// @return what is wrong with them
  std::string check(std::string_view said, bool all) {
    std::vector<std::string> messages;
    bool cut = false;
    if (!talk_.split(said, messages, cut)) return "what it says is not framed well";
    if (cut && all) return "the last thing it says is cut short";
    for (const std::string& text : messages) {
      boost::system::error_code error;
      const auto dom = boost::json::parse(text, error);
      if (error) return "it says what is no JSON";
      if (dom.is_array()) {
        take_batch(dom.get_array());
      } else {
        const std::size_t before = ids_.size();
        take(dom);
        if (ids_.size() > before && in_a_batch(ids_.back())) wrong_ = "answered outside of its batch";
      }
      if (!wrong_.empty()) return wrong_;
    }
    if (nulls_ > talk_.owed_to_nobody() || (all && nulls_ < talk_.owed_to_nobody()))
      return "it complains too often, or not often enough";
    if (all && ids_.size() != talk_.owed().size()) return "a request was never answered";
    return {};
  }

 private:
  bool in_a_batch(const std::string& id) const {
    return std::any_of(talk_.batches().begin(), talk_.batches().end(),
                       [&](const auto& batch) { return batch.contains(id); });
  }

  void take_batch(const boost::json::array& answers) {
    const std::size_t before = ids_.size();
    for (const auto& answer : answers) take(answer);
    const std::set<std::string> ids(ids_.begin() + static_cast<std::ptrdiff_t>(before), ids_.end());
    if (std::find(talk_.batches().begin(), talk_.batches().end(), ids) == talk_.batches().end())
      wrong_ = "a batch that isn't the answer to one";
  }

  void take(const boost::json::value& message) {
    const auto& members = message.as_object();
    if (members.contains("method")) return;
    const std::string id(boost::json::serialize(members.at("id")));
    if (id == "null") {
      ++nulls_;
      return;
    }
    const auto found = talk_.owed().find(id);
    if (found == talk_.owed().end()) return fail("answered what wasn't asked: ", id);
    if (std::find(ids_.begin(), ids_.end(), id) != ids_.end()) return fail("answered twice: ", id);
    ids_.push_back(id);
    if (const auto* result = members.if_contains("result")) {
      if (found->second.result != std::string(boost::json::serialize(*result))) fail("a wrong result: ", id);
    } else {
      const auto code = members.at("error").at("code").as_int64();
      if (!found->second.codes.contains(static_cast<int>(code)) && !(without_memory_ && code == -32603))
        fail("a wrong error: ", boost::json::serialize(message));
    }
  }

  void fail(const char* what, const std::string& id) { wrong_ = what + id; }

  const talk& talk_;
  bool without_memory_;
  std::string wrong_;
  std::vector<std::string> ids_;  // in the order of their answers
  std::size_t nulls_ = 0;
};

class meeting {
 public:
  explicit meeting(std::uint64_t seed) : dice_(seed), context_(seed), talk_(dice_) {
    std::string_view left = talk_.bytes();
    const auto largest = std::size_t{1} << dice_.below(12);
    while (!left.empty()) {
      const auto size = std::min<std::size_t>(left.size(), 1 + dice_.below(largest));
      peer_->says(std::string(left.substr(0, size)));
      left.remove_prefix(size);
      if (dice_.once_in(8)) peer_->pauses(milliseconds(dice_.below(10)));
    }
    if (dice_.once_in(3))
      peer_->listens_slowly(1 + dice_.below(500), 1 + static_cast<unsigned>(dice_.below(3)));
    if (dice_.once_in(4)) {
      fails_ = static_cast<operation>(dice_.below(3));
      peer_->fails(*fails_, 1 + dice_.below(6),
                   fails_ == operation::acquire ? make_error_code(boost::system::errc::not_enough_memory)
                                                : antiphon::error_code(asio::error::connection_reset));
    }
    peer_->ends();
  }

  /// @return what went wrong; empty when nothing did
  std::string play() {
    antiphon::endpoint_options options;
    options.framing = talk_.framing();
    options.max_in_flight = 1 + dice_.below(5);
    options.max_queued = 1 + dice_.below(5);
    options.max_outgoing_bytes = 200 + dice_.below(10'000);
    antiphon::endpoint server(make_scripted_transport(context_.get_executor(), peer_), make_routes(),
                              std::move(options));
    std::optional<antiphon::ended> how;
    const auto run = [&]() -> awaitable<void> {
      auto serving = server.run();
      how = co_await std::move(serving);
    };
    std::exception_ptr failure;
    asio::co_spawn(context_.get_executor(), run(), [&](std::exception_ptr e) { failure = e; });
    if (!context_.run(10min)) return "it hangs";
    if (failure) std::rethrow_exception(failure);
    if (!how || !peer_->closed()) return "it didn't end";
    if (handlers_ != 0) return "a handler is still there";
    const bool failed = fails_ && how->reason != end_reason::end_of_input;
    if (!fails_ && how->reason != end_reason::end_of_input) return "it ended for another reason";
    // The operation that was to fail may not have been needed.
    if (!failed && notes_ != talk_.notes()) return "a notification is lost";
    const bool all = !failed && !(fails_ == operation::send && peer_->count(operation::send) > 0);
    return wrong_.empty() ? hearing(talk_, fails_ == operation::acquire).check(peer_->sent(), all) : wrong_;
  }
  const talk& said() const { return talk_; }
  bool was_broken() const { return fails_.has_value(); }

 private:
  antiphon::router make_routes() {
    antiphon::router routes;
    routes.on_request("add", [](int a, int b) { return a + b; });
    routes.on_request("repeat", [](std::string text) { return text; });
    routes.on_request("fail", [](int code) -> int { throw antiphon::rpc_error(code, "as asked"); });
    routes.on_request("throw", [](int) -> int { throw std::runtime_error("inside"); });
    routes.on_request("slow", [this](int ms) -> awaitable<int> {
      const support::counted here(handlers_);
      auto pausing = support::pause_for(milliseconds(ms));
      co_await std::move(pausing);
      co_return ms;
    });
    routes.on_notification("note", [this](int number) {
      if (number != ++notes_) wrong_ = "a notification came out of turn";
    });
    return routes;
  }

  dice dice_;
  deterministic_context context_;
  talk talk_;
  std::shared_ptr<script> peer_ = std::make_shared<script>();
  std::optional<operation> fails_;
  int notes_ = 0;
  int handlers_ = 0;
  std::string wrong_;
};

}  // namespace

TEST_CASE("a peer is answered right whatever it says, in whatever pieces, also when the connection fails") {
  const seeds played(2'000);
  unsigned bad = 0;
  std::size_t requests = 0;
  unsigned broken = 0;
  for (const std::uint64_t seed : played) {
    meeting one(seed);
    const std::string wrong = one.play();
    requests += one.said().owed().size();
    broken += one.was_broken() ? 1 : 0;
    if (wrong.empty()) continue;
    if (++bad <= 5) CHECK_MESSAGE(false, "ANTIPHON_SEED=", seed, ": ", wrong);
  }
  MESSAGE(played.count(), " meetings, ", requests, " requests, ", broken, " with a failure; ", bad, " bad");
  CHECK(bad == 0);
}
