// Names from files of any encoding, as UTF-8.
#include "io/utf8.hpp"

#include <array>
#include <cstdint>

namespace gmmpi {

namespace {

/// Unicode of the bytes 0x80 to 0x9f; those that Windows-1252 leaves free are the controls of Latin-1.
constexpr std::array<std::uint16_t, 32> kWindows1252{
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178};

/// Bytes of the character that begins here; 0 where none does. Overlong forms and surrogates are none.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  const std::size_t n = first < 0x80   ? 1
                        : first < 0xc2 ? 0
                        : first < 0xe0 ? 2
                        : first < 0xf0 ? 3
                        : first < 0xf5 ? 4
                                       : 0;
  if (n == 0 || n > text.size()) return 0;
  for (std::size_t i = 1; i < n; ++i)
    if ((byte(i) & 0xc0u) != 0x80u) return 0;
  const unsigned second = n > 1 ? byte(1) : 0;
  const bool out_of_range = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                            (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return out_of_range ? 0 : n;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t n = character_bytes(text);
    if (n == 0) return false;
    text.remove_prefix(n);
  }
  return true;
}

std::string as_utf8(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string out;
  for (const char c : text) {
    unsigned code = static_cast<unsigned char>(c);
    if (code >= 0x80 && code < 0xa0) code = kWindows1252[code - 0x80];
    if (code < 0x80) {
      out += c;
    } else if (code < 0x800) {
      out += static_cast<char>(0xc0u | code >> 6);
      out += static_cast<char>(0x80u | (code & 0x3fu));
    } else {
      out += static_cast<char>(0xe0u | code >> 12);
      out += static_cast<char>(0x80u | (code >> 6 & 0x3fu));
      out += static_cast<char>(0x80u | (code & 0x3fu));
    }
  }
  return out;
}

}  // namespace gmmpi
