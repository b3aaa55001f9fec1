#pragma once

#include "benchmarks/corpus/messages.hpp"
#include "benchmarks/program.hpp"

#include <string>

// Each function registers what one library does with one message, as `<message>/<what>`.
namespace bench {

// The envelope, full validation, and both as the endpoint does them, each with every scanner that the machine
// has.
void add_antiphon(const corpus::message& message);
void add_boost_json(const corpus::message& message);
// These two are there when their library is.
void add_nlohmann(const corpus::message& message);
void add_simdjson(const corpus::message& message);
// Structs from the payload and back, by antiphon and by Boost.JSON; nothing for messages without a struct.
void add_structs(const corpus::message& message);
// The message in a frame, as it comes through a socket: in pieces of several sizes.
void add_chunks(const corpus::message& message);

// Which of simdjson's implementations run.
std::string simdjson_description();

}  // namespace bench
