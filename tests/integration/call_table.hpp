#pragma once

#include <antiphon/antiphon.hpp>

#include <span>

namespace links {

/// Calls of one kind. They are made on an endpoint whose peer has the routes of `make_routes` and which
/// itself serves those of `make_client_routes`.
struct table_entry {
  const char* name;
  antiphon::asio::awaitable<void> (*play)(antiphon::endpoint& server);
};
std::span<const table_entry> call_table();

/// What the table's calls back want.
antiphon::router make_client_routes();

}  // namespace links
