#pragma once

#include <cstdint>

#include "ir/op_def.h"

namespace hone {

/// Signal processing (ONNX opset 17).

/// (x: […,n,1 or 2], length?: []) along axis → […,m,2].
struct Dft : Operator<"Dft"> {
  int64_t axis = 1;
  bool inverse = false;
  bool onesided = false;
  static constexpr std::tuple fields{Field{"axis", &Dft::axis}, Field{"inverse", &Dft::inverse},
                                     Field{"onesided", &Dft::onesided}};
  static const OpDef def;
};

/// (signal: [B,L,1 or 2], step: [], window?: [w], length?: []) → [B,frames,bins,2].
struct Stft : Operator<"Stft"> {
  bool onesided = true;
  static constexpr std::tuple fields{Field{"onesided", &Stft::onesided}};
  static const OpDef def;
};

/// (size: []) → [size].
struct HannWindow : Operator<"HannWindow"> {
  bool periodic = true;
  DType dtype = DType::kF32;
  static constexpr std::tuple fields{Field{"periodic", &HannWindow::periodic}, Field{"dtype", &HannWindow::dtype}};
  static const OpDef def;
};

/// (size: []) → [size].
struct HammingWindow : Operator<"HammingWindow"> {
  bool periodic = true;
  DType dtype = DType::kF32;
  static constexpr std::tuple fields{Field{"periodic", &HammingWindow::periodic},
                                     Field{"dtype", &HammingWindow::dtype}};
  static const OpDef def;
};

/// (size: []) → [size].
struct BlackmanWindow : Operator<"BlackmanWindow"> {
  bool periodic = true;
  DType dtype = DType::kF32;
  static constexpr std::tuple fields{Field{"periodic", &BlackmanWindow::periodic},
                                     Field{"dtype", &BlackmanWindow::dtype}};
  static const OpDef def;
};

/// (bins: [], dft length: [], sample rate: [], low: [], high: []) → [dft/2+1, bins].
struct MelWeightMatrix : Operator<"MelWeightMatrix"> {
  DType dtype = DType::kF32;
  static constexpr std::tuple fields{Field{"dtype", &MelWeightMatrix::dtype}};
  static const OpDef def;
};

}  // namespace hone
