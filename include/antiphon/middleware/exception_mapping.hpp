#pragma once

#include <antiphon/middleware.hpp>
#include <antiphon/rpc_error.hpp>

#include <functional>
#include <optional>

namespace antiphon {

/// Turns exceptions of handlers into errors for the peer.
///
///     std::optional<antiphon::rpc_error> explain(std::exception_ptr what) {
///       try {
///         std::rethrow_exception(what);
///       } catch (const no_such_document& e) {
///         return antiphon::rpc_error(-32010, e.what());
///       } catch (...) {
///         return std::nullopt;   // -32603
///       }
///     }
///     options.middleware.push_back(antiphon::exception_mapping::make(explain));
///
/// It isn't asked about what is an `rpc_error` already. What it throws itself takes the exception's place.
class exception_mapping final : public middleware {
 public:
  using function = std::function<std::optional<rpc_error>(std::exception_ptr)>;

  explicit exception_mapping(function map) : map_(std::move(map)) {}
  static std::shared_ptr<exception_mapping> make(function map) {
    return std::make_shared<exception_mapping>(std::move(map));
  }

  unsigned hooks() const noexcept override { return on_handler_threw; }
  std::exception_ptr handler_threw(const handler_event& call, std::exception_ptr what) override;

 private:
  function map_;
};

}  // namespace antiphon
