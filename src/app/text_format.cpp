// --header, --separator, --decimal, --na: how the user says that text tables are written.
#include "app/text_format.hpp"

#include <map>

#include "app/list_option.hpp"
#include "app/say.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi::app {

namespace {

char separator(const Options& options) {
  static const std::map<std::string, char> names{{"auto", '\0'}, {"comma", ','}, {"semicolon", ';'},
                                                 {"tab", '\t'},  {"\\t", '\t'},  {"blank", ' '},
                                                 {"space", ' '}, {"bar", '|'}};
  const std::string text = options.text("separator");
  if (const auto named = names.find(text); named != names.end()) return named->second;
  const bool is_mark =
      text.size() == 1 && text.find_first_of("\"#.+-") == std::string::npos &&
      (text == "\t" || (text[0] >= ' ' && text[0] <= '~')) &&
      std::string_view("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ").find(text[0]) ==
          std::string_view::npos;
  if (is_mark) return text[0];
  throw Error(ExitCode::usage,
              "--separator: '" + text +
                  "' cannot separate fields; give one mark such as ; or |, or comma, semicolon, tab, "
                  "blank, bar");
}

}  // namespace

TextFormat text_format_beside(const Options& options) {
  TextFormat format;
  if (options.has("decimal")) {
    const std::string decimal = options.text("decimal");
    if (decimal != "." && decimal != "," && decimal != "comma" && decimal != "point")
      throw Error(ExitCode::usage, "--decimal: '" + decimal + "' is no decimal mark; choose . or ,");
    format.decimal = decimal == "," || decimal == "comma" ? ',' : '.';
  }
  if (options.has("na"))
    for (const ListItem& item : split_list(options.text("na"))) format.missing.push_back(item.text);
  return format;
}

TextFormat text_format(const Options& options) {
  static const std::map<std::string, TextFormat::Header> headers{{"auto", TextFormat::Header::automatic},
                                                                 {"yes", TextFormat::Header::yes},
                                                                 {"no", TextFormat::Header::no}};
  TextFormat format = text_format_beside(options);
  if (options.has("header")) format.header = headers.at(options.choice("header", {"auto", "yes", "no"}));
  if (options.has("separator")) format.separator = separator(options);
  if (format.separator == format.decimal)
    throw Error(ExitCode::usage,
                "--separator and --decimal are the same mark; choose another for one of them");
  return format;
}

void check_is_text(const Options& options, const DataReader& table) {
  if (table.storage().is_text) return;
  for (const char* option : {"header", "separator", "decimal", "na"})
    if (options.has(option))
      throw Error(ExitCode::usage,
                  std::string("--") + option + ": " + table.name() + " is no text; leave the option out");
}

void tell(const Communicator& comm, const DataReader& table) {
  if (!comm.is_root()) return;
  for (const Notice& notice : table.notices())
    note("{}{}\n", notice.is_warning ? "gmmpi: warning: " : "", notice.text);
}

}  // namespace gmmpi::app
