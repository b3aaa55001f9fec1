// What tools/lint_coroutines.py must find, and what it must leave alone. Only parsed, never built.
#include <boost/asio/awaitable.hpp>

#include <initializer_list>
#include <string>
#include <vector>

using boost::asio::awaitable;

struct params {
  int a = 0;
  std::string text;
};

awaitable<bool> yes();
awaitable<int> number();
awaitable<std::string> text();
awaitable<int> by_value(params);
awaitable<int> by_reference(const params&);
awaitable<int> all_of(std::initializer_list<std::string>);
template <class Function>
awaitable<int> run(Function) {
  co_return 1;
}
template <class Function>
void spawn(Function) {}

awaitable<void> conditions(std::string s) {
  if (co_await yes()) s.clear();                // finds condition
  if (!co_await yes() && s.empty()) s.clear();  // finds condition
  if (bool answer = co_await yes()) s.clear();  // finds condition
  while (co_await yes()) s.clear();             // finds condition
  do s.clear();                                 // finds condition
  while (co_await yes());
  for (; co_await yes();) s.clear();  // finds condition
  switch (co_await number()) {        // finds condition
    default: break;
  }
}

awaitable<params> temporaries(std::string s) {
  co_await by_value(params{.a = 1});                                     // finds temporary
  co_await by_reference(params{1, s});                                   // finds temporary
  co_await run([s] { return s.size(); });                                // finds temporary
  co_await all_of({s, s});                                               // finds initializer_list
  std::vector<std::string> v{co_await text()};                           // finds aggregate
  params p{1, co_await text()};                                          // finds aggregate
  auto later = [t = co_await text()] { return t; };                      // finds capture
  auto either = s.empty() ? co_await text() : s;                         // finds conditional_operator
  spawn([s]() -> awaitable<void> { co_await by_value(params{1, s}); });  // finds temporary
  co_return params{1, co_await text()};                                  // finds aggregate
}

template <class T>
awaitable<T> in_a_template(std::string s) {
  if (co_await yes()) s.clear();  // finds condition
  co_return T();
}
awaitable<int> instantiation(std::string s) { return in_a_template<int>(s); }

awaitable<void> leaves_alone(std::string s) {
  auto answer = co_await yes();
  if (answer) co_await yes();
  params p{.a = 1};
  auto operation = by_value(std::move(p));
  co_await std::move(operation);
  co_await run([n = 1] { return n; });
  co_await run([&s] { return s.size(); });
  for (int i = 0; i < 2; ++i) co_await yes();
  std::string t = co_await text();
  auto looks = [&t] { return t.size(); };
  auto copies = [t] { return t.size(); };
  auto inner = [s]() -> awaitable<void> { co_await yes(); };
  co_await inner();
  spawn([s]() -> awaitable<void> {
    params q{.a = 1};
    auto op = by_value(std::move(q));
    co_await std::move(op);
  });
}
