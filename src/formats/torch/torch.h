#pragma once

#include "formats/format.h"

namespace hone {

/// PyTorch: TorchScript archives (.pt, .pth) and PyTorch Mobile's (.ptl). Only read.
extern const Format kTorchFormat;

}  // namespace hone
