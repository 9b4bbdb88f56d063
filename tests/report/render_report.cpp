// Renders a report.json to HTML: render_report IN.json OUT.html. For the screenshot test and for a look in a browser.

#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <string>

#include "measure/report_html.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: render_report IN.json OUT.html\n", stderr);
    return 2;
  }
  try {
    std::ifstream in(argv[1]);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    std::ofstream out(argv[2]);
    out << hone::render_report_html(hone::Json::parse(text));
    return out.flush() ? 0 : 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
