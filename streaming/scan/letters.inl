// Included by the files of those instruction sets that can look bytes up in a table of sixteen.

// What a byte would have to be, going by its lower half, to be one of a few; `none` is found by no byte.
constexpr std::uint8_t none = 0x80;
constexpr std::uint8_t blank_of[16] = {' ',  none, none, none, none, none, none, none,
                                       none, '\t', '\n', none, none, '\r', none, none};
// But 'b' and 'r', whose lower half is that of the quote.
constexpr std::uint8_t escape_letter_of[16] = {none, none, '"',  none, 't',  'u',  'f', none,
                                               none, none, none, none, '\\', none, 'n', '/'};
