#include "middle.hpp"

antiphon::router middle_routes() {
  antiphon::router routes;
  routes.on_request("add", [](int a, int b) { return a + b; });
  return routes;
}
