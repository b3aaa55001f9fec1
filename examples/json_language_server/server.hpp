#pragma once

#include <antiphon/lsp/lifecycle.hpp>
#include <antiphon/router.hpp>

namespace json_ls {

/// What the language server answers, for one connection with documents of its own.
antiphon::router make_routes(antiphon::lsp::lifecycle& life);

}  // namespace json_ls
