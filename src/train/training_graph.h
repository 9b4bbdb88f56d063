#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace hone {

/// A value of the student that follows one of the teacher, both [N, …, channels] with the same sizes before the
/// channels, through a matrix that learns too (Romero et al., FitNets, 2015).
struct Match {
  std::string teacher, student;  ///< names for find_value
  Tensor projector;              ///< [student's channels, teacher's channels]: where it begins
};

/// What a step of training makes smaller. Labels: cross entropy of the classes. A teacher of classifiers: the
/// divergence of softened scores (Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015); of
/// other models: the squared difference of every output relative to the teacher's own mean square.
struct Objective {
  double labels = 1;   ///< weight of the labels
  double teacher = 0;  ///< weight of the teacher
  double temperature = 4;
  bool is_classifier = true;  ///< output 0 holds a row of scores
  /// Weight of the divergence among the other classes beside that of the right one against them all; 0: both as one
  /// (Zhao et al., Decoupled Knowledge Distillation, 2022). It asks for labels.
  double decoupled = 0;
  std::vector<Match> matches = {};  ///< of the teacher's values, beside its outputs
  double match = 1;                 ///< weight of each: squared difference relative to the teacher's mean square

  bool needs_labels() const { return is_classifier && (labels > 0 || decoupled > 0); }
};

/// How weights move.
struct Optimizer {
  enum Kind : uint8_t {
    kSgd,    ///< with momentum
    kAdamW,  ///< Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019
    kLamb,   ///< AdamW whose steps are in proportion to the length of what they move: it asks for no normalized inputs
             ///< and takes batch norm that was folded into weights (You et al., Large Batch Optimization for Deep
             ///< Learning, 2020)
  } kind = kLamb;
  double momentum = 0.9;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 1e-4;  ///< of weights with two axes or more
  double clip = 1;             ///< the length that all gradients together have at most; 0: any
  /// Decay of a moving average of the weights, which is judged and kept in their place; 0: none (Polyak and Juditsky,
  /// Acceleration of Stochastic Approximation by Averaging, 1992).
  double average = 0;
  bool keeps_zeros = false;  ///< weights that are 0 stay so: what was pruned stays pruned
};

/// The constants that training moves: float inputs that their operators' rows in gradients_*.cpp call weights, behind
/// FakeQuantize too.
std::vector<ValueId> weights_of(const Graph& model);

/// The scores of a classifier before its last Softmax: where that stands behind nothing but reshapes, its input.
/// `output` itself otherwise.
ValueId logits_of(const Graph& model, size_t output = 0);

/// How many classes a classifier tells apart: its scores of a sample; 0 where the shape leaves that open.
int64_t class_count(const Graph& model);

/// A model that measures its loss over `samples` samples at once, and moves its weights where it has an optimizer.
/// States 0 … n−1 hold the weights in the order of weights_of(model). Inputs: the model's, then, where their weight is
/// not zero, the targets ([N, C] probabilities), what the teacher says (scores [N, C], or one value an output) and its
/// values that are matched; last, with an optimizer, the learning rate ([]). Outputs: the loss ([]); then the scores
/// [N, C] of a classifier.
struct TrainingGraph {
  Graph graph;
  size_t weights = 0;  ///< projectors of matches are the last of them
  size_t judged = 0;   ///< the state that holds what is kept of the first weight; of the others, those behind it
};

/// The value called `name`, or the first that the node of that name makes. Throws Error(not_found) with the nearest.
ValueId find_value(const Graph& graph, const std::string& name);

/// Throws Error(invalid_argument) for a model without weights, Error(unsupported) for operators without gradient, for
/// models with states, and what with_batch and find_value throw.
TrainingGraph make_training_graph(const Graph& model, int64_t samples, const Objective& objective,
                                  const Optimizer* optimizer);

}  // namespace hone
