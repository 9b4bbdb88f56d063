#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/console.h"

int main(int argc, char** argv) {
  hone::catch_interrupts();
  const std::vector<std::string> arguments(argv + (argc > 0), argv + argc);
  return hone::run_cli(arguments);
}
