#pragma once

#include "lib/connection.hpp"

#include <string_view>

/// How messages of our own are written, whether they are asked, told or passed on.
namespace antiphon::detail {

inline constexpr std::string_view message_head = R"({"jsonrpc":"2.0",)";
inline constexpr std::string_view reply_head = R"({"jsonrpc":"2.0","id":)";

/// A frame with what `write` puts into it, or nothing when that throws.
template <class Write>
void connection::send_frame(Write write) {
  try {
    out_.begin_frame(decoder_.rules());
    write();
    if (observers_.want(middleware::on_sent)) observers_.sent(out_);
    out_.end_frame(decoder_.rules());
  } catch (...) {
    out_.drop_frame();
    throw;
  }
  turn_later();
}

/// A request, whose method and parameters `write` puts there. It is given the call.
template <class Write>
pending_calls::entry& connection::send_call(Write write) {
  pending_calls::entry& call = pending_.add();
  try {
    send_frame([&] {
      out_.append(message_head, R"("id":)");
      encode(out_, call.id);
      out_.append(',');
      write(call);
      out_.append('}');
    });
  } catch (...) {
    pending_.remove(call);
    throw;
  }
  call.sent = true;
  ++stats_.requests_sent;
  return call;
}

}  // namespace antiphon::detail
