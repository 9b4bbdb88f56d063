#include "ops/signal.h"

namespace hone {

constinit const OpDef Dft::def{.name = Dft::kName, .attrs = &attr_type<Dft>()};
constinit const OpDef Stft::def{.name = Stft::kName, .attrs = &attr_type<Stft>()};
constinit const OpDef HannWindow::def{.name = HannWindow::kName, .attrs = &attr_type<HannWindow>()};
constinit const OpDef HammingWindow::def{.name = HammingWindow::kName, .attrs = &attr_type<HammingWindow>()};
constinit const OpDef BlackmanWindow::def{.name = BlackmanWindow::kName, .attrs = &attr_type<BlackmanWindow>()};
constinit const OpDef MelWeightMatrix::def{.name = MelWeightMatrix::kName, .attrs = &attr_type<MelWeightMatrix>()};

}  // namespace hone
