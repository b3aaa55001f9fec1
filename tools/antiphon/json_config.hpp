#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon_command {

/// A configuration file is wrong; the message names file, line and where in the JSON:
/// `relay.json:12: /targets/sqlite/command: expected an array of strings, found a string`.
struct config_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The text of a configuration file that is JSON, and its name in messages.
struct config_source {
  std::string name;
  std::string text;
};

/// One value in a configuration file, which knows where it stands. Keeps the file's text.
class config_value {
 public:
  /// The whole file. Throws `config_error` where it isn't JSON.
  static config_value parse(std::string name, std::string text);

  /// As JSON stands in the file.
  std::string_view json() const noexcept { return json_; }
  /// A JSON pointer (RFC 6901).
  const std::string& path() const noexcept { return path_; }
  std::size_t line() const noexcept;
  [[noreturn]] void fail(std::string_view what) const;

  // Each throws `config_error` where the value isn't what is asked for.
  std::string string() const;
  bool boolean() const;
  std::uint64_t integer(std::uint64_t least = 0,
                        std::uint64_t most = std::numeric_limits<std::uint32_t>::max()) const;
  double number(double least, double most) const;
  /// @param what for the message: "an array of strings"
  std::vector<config_value> elements(std::string_view what = "an array") const;
  /// In their order. A member that is there twice is an error.
  std::vector<std::pair<std::string, config_value>> members() const;
  /// One of these words, as its index.
  std::size_t one_of(const std::vector<std::string_view>& words) const;

 private:
  config_value(std::shared_ptr<const config_source> source, std::string_view json, std::string path)
      : source_(std::move(source)), json_(json), path_(std::move(path)) {}
  [[noreturn]] void expected(std::string_view what) const;

  std::shared_ptr<const config_source> source_;
  std::string_view json_;
  std::string path_;
};

/// An object whose members are known. What hasn't been asked for by the end is an error.
class config_object {
 public:
  explicit config_object(config_value whole) : whole_(std::move(whole)), members_(whole_.members()) {}

  /// None when it isn't there.
  std::optional<config_value> find(std::string_view name);
  config_value need(std::string_view name);
  /// Throws for the first member that nobody knows.
  void done() const;
  const config_value& whole() const noexcept { return whole_; }

 private:
  config_value whole_;
  std::vector<std::pair<std::string, config_value>> members_;
  std::vector<std::string> known_;
};

}  // namespace antiphon_command
