// Renders the example report to HTML: render_report OUT.html. For the screenshot test and for a look in a browser.

#include <cstdio>
#include <exception>
#include <fstream>

#include "report/example.h"
#include "report/html.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: render_report OUT.html\n", stderr);
    return 2;
  }
  try {
    std::ofstream out(argv[1]);
    out << hone::render_report_html(hone::report::example_report());
    return out.flush() ? 0 : 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
