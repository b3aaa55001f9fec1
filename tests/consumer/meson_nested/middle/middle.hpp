#pragma once

#include <antiphon/antiphon.hpp>

antiphon::router middle_routes();
