// UTF-8: what is, and what becomes it.
#include "io/utf8.hpp"

#include <catch2/catch.hpp>

using namespace gmmpi;
using namespace std::string_literals;

TEST_CASE("utf8: texts of one to four bytes per letter are, cut or forbidden ones are not", "[serial]") {
  for (const std::string& text : {""s, "plain"s, "\u00e4\u20ac\U0001f600"s, "\xef\xbf\xbd"s}) {
    CHECK(is_utf8(text));
    CHECK(as_utf8(text) == text);
  }
  const std::string cut = "\xe2\x82", overlong = "\xc0\xaf", surrogate = "\xed\xa0\x80",
                    beyond = "\xf4\x90\x80\x80";
  for (const std::string& text : {cut, overlong, surrogate, beyond, "\x80"s, "a\xff"s})
    CHECK_FALSE(is_utf8(text));
}

TEST_CASE("utf8: letters of Windows-1252 become those they stand for", "[serial]") {
  CHECK(as_utf8("H\xf6he") == "H\u00f6he");
  CHECK(as_utf8("\x80 100") == "\u20ac 100");
  CHECK(is_utf8(as_utf8("\x81\x8d\x8f\x90\x9d")));  // undefined there
}
