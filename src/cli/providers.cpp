#include "cli/model_args.h"
#include "providers/cpu/provider.h"

namespace hone {

std::vector<const Provider*> all_providers() { return {&cpu_provider(), &reference_provider()}; }

}  // namespace hone
