#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/train_args.h"
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
  std::string teacher, task = "classes";
  double temperature = 4, labels = 0.1;
};

int distill(const DistillOptions& o, Console& console) {
  if (o.task != "classes" && o.task != "outputs")
    throw invalid_argument(cat("--by ", o.task, ": expected classes or outputs"));
  if (o.temperature <= 0) throw invalid_argument("--temperature 0: expected a number above 0");
  if (o.labels > 1) throw invalid_argument(cat("--label-weight ", o.labels, ": expected a share of 0 to 1"));
  ModelArgs source = o.student;
  source.path = o.teacher;
  Graph teacher = source.load();
  run_pipeline(teacher, standard_pipeline());
  const bool is_classifier = o.task == "classes";
  const double labels = is_classifier ? o.labels : 0;
  return run_training(o.train,
                      {.path = o.student.path,
                       .model = o.student.load(),
                       .teacher = &teacher,
                       .objective = {.labels = labels,
                                     .teacher = 1 - labels,
                                     .temperature = o.temperature,
                                     .is_classifier = is_classifier}},
                      console);
}

CommandBody setup_distill(Args& args) {
  const auto o = std::make_shared<DistillOptions>();
  o->student.declare(args, "STUDENT");
  args.option("--teacher", "FILE", o->teacher, "the model to learn from, with the same inputs and outputs", true);
  args.option("--by", "WHAT", o->task, "classes: softened scores of a classifier; outputs: all outputs of any model");
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
    "hone distill pruned.onnx --teacher model.onnx --data unlabelled/ --by outputs -o better.onnx",
    "The teacher may be quantized, the student may not. Where the data has no labels the teacher alone counts. What is "
    "written, the augments and Ctrl-C are as for hone finetune. See docs/training.md.",
    setup_distill};

}  // namespace hone
