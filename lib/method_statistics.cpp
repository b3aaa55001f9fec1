#include "lib/method_recorder.hpp"
#include "lib/random_distance.hpp"

#include <algorithm>
#include <exception>

namespace antiphon {

namespace {

duration_figures figures_of(const histogram& times) {
  return {times.count(), times.percentile(50), times.percentile(99), times.percentile(99.9), times.max()};
}

std::uint64_t nanoseconds(detail::method_recorder::clock::duration time) noexcept {
  const auto count = std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
}

}  // namespace

method_statistics::method_statistics(std::uint32_t sample_every)
    : sample_every_(std::clamp<std::uint32_t>(sample_every, 1, 1U << 30)) {}

method_statistics::~method_statistics() = default;

detail::method_account& method_statistics::account_of(std::string_view method) {
  auto found = accounts_.find(method);
  if (found == accounts_.end())
    found = accounts_.emplace(method, std::make_unique<detail::method_account>()).first;
  return *found->second;
}

std::vector<method_figures> method_statistics::snapshot() const {
  std::vector<method_figures> all;
  std::vector<detail::method_account*> accounts;  // they stay where they are
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, account] : accounts_) {
      std::uint64_t received = account->received;
      std::uint64_t ended[5];
      std::ranges::copy(account->ended, ended);
      for (const detail::method_counts& counts : account->open) {
        // What has ended is read first, so that no more of them seem to have ended than came.
        for (std::size_t i = 0; i < 5; ++i) ended[i] += counts.ended[i].load(std::memory_order_acquire);
        received += counts.received.load(std::memory_order_acquire);
      }
      all.push_back({name, received, ended[0], ended[1], ended[2], ended[3], ended[4], {}, {}, {}});
      accounts.push_back(account.get());
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    histogram queue, run, write;
    {
      const std::lock_guard lock(accounts[i]->times);
      queue = accounts[i]->queue;
      run = accounts[i]->run;
      write = accounts[i]->write;
    }
    all[i].queue = figures_of(queue);
    all[i].run = figures_of(run);
    all[i].write = figures_of(write);
  }
  return all;
}

namespace detail {

method_recorder::method_recorder(std::shared_ptr<method_statistics> home, router& routes)
    : home_(std::move(home)),
      counts_(std::make_unique<method_counts[]>(routes.methods().size())),
      methods_(routes.methods().size()),
      random_(reinterpret_cast<std::uintptr_t>(this) | 1) {
  draw();
  const std::lock_guard lock(home_->mutex_);
  for (std::size_t i = 0; i < methods_; ++i)
    counts_[i].account = &home_->account_of(routes.methods()[i].name);
  // Nothing below throws: either all are listed or none.
  for (std::size_t i = 0; i < methods_; ++i) {
    router::entry& method = routes.methods()[i];
    if (method.request) method.request->counts = &counts_[i];
    if (method.notification) method.notification->counts = &counts_[i];
    counts_[i].account->open.push_back(counts_[i]);
  }
}

method_recorder::~method_recorder() {
  const std::lock_guard lock(home_->mutex_);
  for (std::size_t i = 0; i < methods_; ++i) {
    method_counts& counts = counts_[i];
    method_account& account = *counts.account;
    account.received += counts.received;
    for (std::size_t outcome = 0; outcome < 5; ++outcome) account.ended[outcome] += counts.ended[outcome];
    account.open.erase(account.open.iterator_to(counts));
  }
}

void method_recorder::draw() noexcept { until_sample_ = random_distance(random_, home_->sample_every_); }

void method_recorder::ran(method_counts& counts, clock::duration queued, clock::duration run) noexcept try {
  method_account& account = *counts.account;
  const std::lock_guard lock(account.times);
  account.queue.record(nanoseconds(queued));
  account.run.record(nanoseconds(run));
} catch (const std::exception&) {  // no memory for one more figure
}

void method_recorder::encoded(method_counts& counts, outbox::place where) noexcept try {
  writing_[where.second].push_back({where, clock::now(), counts.account});
} catch (const std::exception&) {
}

void method_recorder::take_written(const outbox& all, bool second) noexcept {
  const auto now = clock::now();
  auto& answers = writing_[second];
  while (!answers.empty() && all.written(answers.front().where)) {
    const answer& done = answers.front();
    try {
      const std::lock_guard lock(done.account->times);
      done.account->write.record(nanoseconds(now - done.encoded));
    } catch (const std::exception&) {
    }
    answers.pop_front();
  }
}

}  // namespace detail

}  // namespace antiphon
