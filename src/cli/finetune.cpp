#include <memory>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/train_args.h"
#include "compress/dequantize.h"
#include "compress/narrow.h"
#include "passes/pipelines.h"

namespace hone {

namespace {

struct Options {
  ModelArgs model;
  TrainArgs train;
};

int finetune(const Options& o, Console& console) {
  return run_training(o.train, {.path = o.model.path, .model = o.model.load(), .objective = {}}, console);
}

CommandBody setup_finetune(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args);
  o->train.declare(args);
  return [o](Console& console) { return finetune(*o, console); };
}

struct DistillOptions {
  ModelArgs student;
  TrainArgs train;
  std::string teacher, task = "classes", derived;
  std::vector<std::string> matches;
  double temperature = 4, labels = 0.1;
};

/// What --by says to follow.
Objective objective_of(const DistillOptions& o) {
  Objective out{.temperature = o.temperature, .is_classifier = o.task != "outputs"};
  if (o.task != "classes" && o.task != "outputs" && o.task != "decoupled")
    throw invalid_argument(cat("--by ", o.task, ": expected classes, decoupled or outputs"));
  if (o.temperature <= 0) throw invalid_argument("--temperature 0: expected a number above 0");
  if (o.labels > 1) throw invalid_argument(cat("--label-weight ", o.labels, ": expected a share of 0 to 1"));
  out.labels = out.is_classifier ? o.labels : 0;
  out.teacher = 1 - out.labels;
  if (o.task == "decoupled") out.decoupled = 2;
  return out;
}

/// The student as a file, or cut from the teacher: "width=0.5".
Graph student_of(const DistillOptions& o, const Graph& teacher) {
  if (o.derived.empty() == o.student.path.empty())
    throw invalid_argument("expected a student: its file, or --student width=SHARE to cut it from the teacher");
  if (o.derived.empty()) return o.student.load();
  const std::optional<double> width =
      o.derived.starts_with("width=") ? parse_double(o.derived.substr(6)) : std::optional<double>();
  if (!width) throw invalid_argument(cat("--student ", o.derived, ": expected width=SHARE, as in width=0.5"));
  return narrowed(with_float_weights(teacher), *width);
}

int distill(const DistillOptions& o, Console& console) {
  const Objective objective = objective_of(o);
  ModelArgs source = o.student;
  source.path = o.teacher;
  Graph teacher = source.load();
  run_pipeline(teacher, standard_pipeline());
  return run_training(o.train,
                      {.path = o.derived.empty() ? o.student.path : o.teacher,
                       .model = student_of(o, teacher),
                       .teacher = &teacher,
                       .matches = o.matches,
                       .objective = objective},
                      console);
}

CommandBody setup_distill(Args& args) {
  const auto o = std::make_shared<DistillOptions>();
  o->student.declare(args, "STUDENT", false);
  args.option("--teacher", "FILE", o->teacher, "the model to learn from, with the same inputs and outputs", true);
  args.option("--student", "width=SHARE", o->derived,
              "in place of STUDENT: the teacher with this share of its channels");
  args.option("--by", "WHAT", o->task,
              "classes: softened scores of a classifier; decoupled: the right class and the others apart, with labels; "
              "outputs: all outputs of any model");
  args.option("--match", "TEACHER:STUDENT", o->matches, "values that follow each other too; may be repeated");
  args.option("--temperature", "T", o->temperature, "that softens the scores", 0.0);
  args.option("--label-weight", "SHARE", o->labels, "of the labels, where the data has some; the rest is the teacher's",
              0.0);
  o->train.declare(args);
  return [o](Console& console) { return distill(*o, console); };
}

}  // namespace

const Command kFinetuneCommand{
    "finetune", "train a model further on labelled data",
    "hone finetune model.tflite --data photos/ --augment flip,shift=4 -o better.tflite\n"
    "hone finetune model.onnx --data photos/ --epochs 30 --optimizer adamw -o better.onnx",
    "The weights that are best on the samples held out are written; Ctrl-C ends it and keeps the best so far. "
    "Augments change the samples of each epoch anew: flip (left and right), shift=N (pixels in both directions), "
    "time=N (rows), cutout=N (a square), rows=N and columns=N (bands), contrast=N, color=N (channels). See "
    "docs/training.md.",
    setup_finetune};

const Command kDistillCommand{
    "distill", "train a small model to answer as a large one does",
    "hone distill small.tflite --teacher large.tflite --data photos/ -o better.tflite\n"
    "hone distill pruned.onnx --teacher model.onnx --data unlabelled/ --by outputs -o better.onnx\n"
    "hone distill --student width=0.5 --teacher model.tflite --data photos/ -o half.tflite",
    "The teacher may be quantized, the student may not. Where the data has no labels the teacher alone counts. What is "
    "written, the augments and Ctrl-C are as for hone finetune. See docs/training.md.",
    setup_distill};

}  // namespace hone
