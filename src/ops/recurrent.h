#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/op_def.h"

namespace hone {

/// Recurrent layers with ONNX semantics. x: [T,B,I] (batch_first: [B,T,I]), w: [D,G·H,I], r: [D,G·H,H], b?: [D,2·G·H],
/// lengths?: i32[B], h0?: [D,B,H] → (y: [T,D,B,H], h: [D,B,H] …).

/// D is 2 for bidirectional, else 1.
enum class Direction : int { forward, reverse, bidirectional };
inline constexpr std::string_view kDirectionNames[] = {"forward", "reverse", "bidirectional"};
constexpr std::span<const std::string_view> enum_names(Direction) { return kDirectionNames; }

/// G = 1; inputs (x, w, r, b?, lengths?, h0?).
struct Rnn : Operator<"Rnn"> {
  int64_t hidden_size = 0;
  Direction direction = Direction::forward;
  bool batch_first = false;
  std::vector<std::string> activations;
  std::vector<float> activation_alpha;
  std::vector<float> activation_beta;
  float clip = 0;
  static constexpr std::tuple fields{Field{"hidden_size", &Rnn::hidden_size},
                                     Field{"direction", &Rnn::direction},
                                     Field{"batch_first", &Rnn::batch_first},
                                     Field{"activations", &Rnn::activations},
                                     Field{"activation_alpha", &Rnn::activation_alpha},
                                     Field{"activation_beta", &Rnn::activation_beta},
                                     Field{"clip", &Rnn::clip}};
  static const OpDef def;
};

/// G = 3, gates z r h; inputs as Rnn.
struct Gru : Operator<"Gru"> {
  int64_t hidden_size = 0;
  Direction direction = Direction::forward;
  bool batch_first = false;
  std::vector<std::string> activations;
  std::vector<float> activation_alpha;
  std::vector<float> activation_beta;
  float clip = 0;
  bool linear_before_reset = false;
  static constexpr std::tuple fields{Field{"hidden_size", &Gru::hidden_size},
                                     Field{"direction", &Gru::direction},
                                     Field{"batch_first", &Gru::batch_first},
                                     Field{"activations", &Gru::activations},
                                     Field{"activation_alpha", &Gru::activation_alpha},
                                     Field{"activation_beta", &Gru::activation_beta},
                                     Field{"clip", &Gru::clip},
                                     Field{"linear_before_reset", &Gru::linear_before_reset}};
  static const OpDef def;
};

/// G = 4, gates i o f c; inputs (x, w, r, b?, lengths?, h0?, c0?, peephole?: [D,3·H]) → (y, h, c).
struct Lstm : Operator<"Lstm"> {
  int64_t hidden_size = 0;
  Direction direction = Direction::forward;
  bool batch_first = false;
  std::vector<std::string> activations;
  std::vector<float> activation_alpha;
  std::vector<float> activation_beta;
  float clip = 0;
  bool input_forget = false;
  static constexpr std::tuple fields{Field{"hidden_size", &Lstm::hidden_size},
                                     Field{"direction", &Lstm::direction},
                                     Field{"batch_first", &Lstm::batch_first},
                                     Field{"activations", &Lstm::activations},
                                     Field{"activation_alpha", &Lstm::activation_alpha},
                                     Field{"activation_beta", &Lstm::activation_beta},
                                     Field{"clip", &Lstm::clip},
                                     Field{"input_forget", &Lstm::input_forget}};
  static const OpDef def;
};

}  // namespace hone
