#include "benchmarks/corpus/prose.hpp"

#include <fmt/format.h>

#include <cctype>
#include <string_view>

// No expression here draws two choices in the arguments of one call: in which order they are drawn is up to
// the compiler, and the bytes must not be.
namespace corpus {
namespace {

constexpr std::string_view nouns[] = {"buffer",  "range", "index",  "value",   "handler", "node",  "token",
                                      "message", "view",  "size",   "result",  "request", "scope", "symbol",
                                      "line",    "text",  "parser", "storage", "offset",  "tree"};
constexpr std::string_view verbs[] = {"push",  "take", "find",   "parse", "insert", "resolve",
                                      "reset", "read", "append", "visit", "count",  "make"};
constexpr std::string_view types[] = {"int",         "bool",         "std::size_t",
                                      "std::string", "const char *", "std::vector<std::string_view>",
                                      "void",        "value_type &", "std::optional<position>"};
constexpr std::string_view phrases[] = {
    "Returns the number of elements",
    "Appends the given value to the end of the container",
    "The new element is constructed in place",
    "If a reallocation takes place, all iterators are invalidated",
    "Has no effect when the range is empty",
    "Complexity is linear in the distance between both iterators",
    "The behaviour is undefined unless the iterator can be dereferenced",
    "Throws an exception when the key does not exist",
    "Equivalent to a call with the default allocator",
    "Use it where the order of elements doesn't matter",
};
constexpr std::string_view cjk_phrases[] = {
    "要素の数を返す",
    "指定された値をコンテナの末尾に追加する",
    "新しい要素はその場で構築される",
    "再割り当てが行われた場合、すべてのイテレータが無効になる",
    "範囲が空の場合は何もしない",
    "计算量与两个迭代器之间的距离成线性关系",
    "如果键不存在,则抛出异常",
    "等价于使用默认分配器的调用",
    "在元素顺序无关紧要的地方使用它",
    "반복자가 역참조 가능하지 않으면 동작이 정의되지 않는다",
};
constexpr std::string_view foreign[] = {"Größe", "naïve", "→", "…", "λ", "Ångström", "“quoted”", "文字"};

std::string capital(std::string_view word) {
  std::string out(word);
  out.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(out.front())));
  return out;
}

std::string example(random& choose) {
  const std::string name = identifier(choose);
  const std::string called = identifier(choose);
  return fmt::format("\n\n```cpp\nauto {0} = {1}({2});\nassert(!{0}.empty());\n```\n", name, called,
                     choose.below(1000));
}

std::string list(random& choose, script letters) {
  std::string out = "\n";
  for (std::uint32_t item = choose.between(1, 3); item > 0; --item) {
    out += fmt::format("\n- `{}` - ", identifier(choose));
    out += sentences(choose, letters);
  }
  return out;
}

}  // namespace

std::string identifier(random& choose) {
  const auto verb = choose.pick(verbs);
  const auto noun = choose.pick(nouns);
  const auto other = choose.pick(nouns);
  switch (choose.below(4)) {
    case 0: return fmt::format("{}{}", verb, capital(noun));
    case 1: return fmt::format("{}_{}_{}", verb, noun, other);
    case 2: return std::string(noun);
    default: return fmt::format("{}_{}", verb, noun);
  }
}

std::string file_uri(random& choose) {
  const auto folder = choose.pick(nouns);
  const auto part = choose.pick(verbs);
  const auto name = choose.pick(nouns);
  return fmt::format("file:///home/user/project/src/{}/{}_{}.cpp", folder, part, name);
}

std::string sentences(random& choose, script letters) {
  if (letters == script::cjk) return fmt::format("{}。", choose.pick(cjk_phrases));
  std::string out = fmt::format("{}.", choose.pick(phrases));
  if (choose.one_in(2)) out += fmt::format(" {}.", choose.pick(phrases));
  return out;
}

std::string markdown(random& choose, script letters) {
  std::string out =
      fmt::format("### {} `{}`\n\n", letters == script::cjk ? "関数" : "function", identifier(choose));
  for (std::uint32_t paragraph = choose.between(1, letters == script::cjk ? 6 : 2); paragraph > 0;
       --paragraph)
    out += sentences(choose, letters);
  if (choose.one_in(4)) out += list(choose, letters);
  if (choose.one_in(4)) out += example(choose);
  return out;
}

std::string source_line(random& choose) {
  const std::string indent(choose.below(4), '\t');
  const std::string name = identifier(choose);
  const std::string other = identifier(choose);
  const auto type = choose.pick(types);
  switch (choose.below(10)) {
    case 0: return "\n";
    case 1: return fmt::format("{}// {}\n", indent, choose.pick(phrases));
    case 2: return fmt::format("{}if ({} != nullptr && !{}.empty()) {{\n", indent, name, other);
    case 3: return fmt::format("{}}}\n", indent);
    case 4: return fmt::format("{}log(\"{}: {{}}\\n\", {});\n", indent, other, name);
    case 5: return fmt::format("{}{} {}({} {});\n", indent, type, name, type, other);
    case 6: return fmt::format("{}return {}.{}({});\n", indent, other, name, choose.below(100));
    case 7:
      if (!choose.one_in(4)) return fmt::format("{}++{};\n", indent, name);
      return fmt::format("{}// {} {}\n", indent, name, choose.pick(foreign));
    case 8: return fmt::format("{}for (const auto& {} : {}) {}({});\n", indent, name, other, other, name);
    default: return fmt::format("{}const auto {} = {}.{}(begin, {});\n", indent, name, other, name, other);
  }
}

}  // namespace corpus
