#pragma once

#include "transcript.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>

/// The parts of the demo. Each talks to a server of its own and throws when that does not do as it should.
namespace demo {

/// Opens a JSON file with mistakes, mends them where the server says they are, and asks all that it offers.
boost::asio::awaitable<void> show_json_server(transcript& shown, std::string program, std::string file);

/// Writes a small C++ file and lets clangd look at it.
boost::asio::awaitable<void> show_clangd(transcript& shown, std::string program);

/// Asks the JSON language server one hundred thousand things and measures.
boost::asio::awaitable<void> measure_json_server(std::string program);

}  // namespace demo
