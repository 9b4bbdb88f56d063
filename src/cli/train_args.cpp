#include "cli/train_args.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "base/workshop.h"
#include "cli/report.h"
#include "cli/table.h"
#include "compress/dequantize.h"
#include "compress/file_forms.h"
#include "compress/match.h"
#include "formats/formats.h"
#include "passes/pipelines.h"

namespace hone {

namespace {

/// Key of what training did in a graph's metadata.
constexpr std::string_view kTrainingKey = "hone.training";

/// Held out when nobody says what: a tenth, so many at most.
constexpr size_t kMostHeldOut = 2000;

struct OptimizerName {
  std::string_view name;
  Optimizer::Kind kind;
  double learning_rate;  ///< when none is stated
};

const OptimizerName& find_optimizer(const std::string& name) {
  static constexpr OptimizerName kNames[] = {
      {"lamb", Optimizer::kLamb, 0.0005}, {"adamw", Optimizer::kAdamW, 0.0001}, {"sgd", Optimizer::kSgd, 0.001}};
  for (const OptimizerName& known : kNames)
    if (known.name == name) return known;
  throw invalid_argument(cat("--optimizer ", name, ": expected lamb, adamw or sgd"));
}

struct Split {
  Dataset training, held_out;
};

Split split_of(const TrainArgs& a) {
  const Dataset data = a.data.open();
  if (!a.held_out.empty()) return {data, Dataset::open(a.held_out, {.labels = a.data.labels})};
  if (data.size() < 2) throw invalid_argument("there is one sample, expected some to train on and some to judge by");
  const auto [held_out, training] =
      data.split(std::clamp<size_t>(data.size() / 10, 1, kMostHeldOut), static_cast<uint64_t>(a.seed));
  return {training, held_out};
}

std::string result_text(const HeldOut& h) {
  return std::isnan(h.accuracy) ? cat("loss ", fixed(h.loss, 4))
                                : cat(percent(h.accuracy), ", loss ", fixed(h.loss, 4));
}

std::string epoch_text(const EpochResult& r, int64_t epochs) {
  if (r.epoch == 0) return cat("before training: held out ", result_text(r.held_out));
  return cat("epoch ", r.epoch, " of ", epochs, ": loss ", fixed(r.loss, 4), ", held out ", result_text(r.held_out));
}

Json number_or_null(double v) { return std::isfinite(v) ? Json(v) : Json(); }

Json to_json(const EpochResult& r) {
  Json json;
  json["epoch"] = r.epoch;
  json["loss"] = r.epoch == 0 ? Json() : number_or_null(r.loss);
  json["held_out_loss"] = number_or_null(r.held_out.loss);
  json["held_out_top1"] = number_or_null(r.held_out.accuracy);
  return json;
}

/// What was done, for the file itself: nothing in it depends on time or machine.
std::string record_of(const TrainArgs& a, const TrainOptions& o, const Split& split, const Trained& t) {
  Json json;
  json["samples"] = static_cast<int64_t>(split.training.size());
  json["held_out"] = static_cast<int64_t>(split.held_out.size());
  json["epochs"] = static_cast<int64_t>(t.results.size()) - 1;
  json["optimizer"] = a.optimizer;
  json["learning_rate"] = o.learning_rate;
  json["batch"] = o.batch;
  json["schedule"] = a.schedule;
  json["average"] = a.average;
  json["augment"] = a.augment;
  json["seed"] = a.seed;
  json["labels"] = o.objective.labels;
  json["teacher"] = o.objective.teacher;
  json["temperature"] = o.objective.temperature;
  json["decoupled"] = o.objective.decoupled;
  Json& matches = json["matches"] = Json::array();
  for (const Match& m : o.objective.matches) matches.push_back(Json(cat(m.teacher, ":", m.student)));
  json["before"] = to_json(t.results.front());
  json["best"] = to_json(t.results[t.best]);
  return json.dump();
}

void report(const TrainArgs& a, const TrainJob& job, const TrainOptions& o, const Split& split, const Trained& t,
            Console& console) {
  if (a.is_json) {
    Json json;
    json["model"] = job.path;
    json["output"] = a.output;
    json["samples"] = static_cast<int64_t>(split.training.size());
    json["held_out"] = static_cast<int64_t>(split.held_out.size());
    json["interrupted"] = t.was_interrupted;
    json["stopped"] = t.stopped.empty() ? Json() : Json(t.stopped);
    json["best_epoch"] = t.results[t.best].epoch;
    Json& epochs = json["epochs"] = Json::array();
    for (const EpochResult& r : t.results) epochs.push_back(to_json(r));
    console.out(json.dump(2) + "\n");
    return;
  }
  Facts facts;
  facts.add("wrote", a.output);
  facts.add("samples", cat(grouped(static_cast<int64_t>(split.training.size())), " to train on, ",
                           grouped(static_cast<int64_t>(split.held_out.size())), " held out"));
  facts.add("before", result_text(t.results.front().held_out));
  const EpochResult& best = t.results[t.best];
  facts.add("after", best.epoch == 0 ? "no epoch was better: the weights are those that came"
                                     : cat(result_text(best.held_out), ", epoch ", best.epoch, " of ", o.epochs));
  if (t.was_interrupted) facts.add("note", "interrupted: these are the best weights until then");
  if (!t.stopped.empty()) facts.add("note", cat("ended early: ", t.stopped));
  console.out(facts.render(console.width()));
}

/// Classes that folders or a list name are the model's outputs, or samples get the numbers of other classes.
void require_all_classes(const Dataset& data, const Graph& model, const Objective& objective, const TrainArgs& args) {
  if (!objective.is_classifier || objective.labels <= 0 || data.classes().empty()) return;
  const int64_t outputs = class_count(model), named = static_cast<int64_t>(data.classes().size());
  if (outputs == 0 || outputs == named) return;
  throw invalid_argument(cat(args.data.labels.empty() ? cat("'", data.path(), "'") : cat("'", args.data.labels, "'"),
                             " names ", named, " classes, the model tells ", outputs, " apart"),
                         "--labels FILE names every class, a line each, in the order of the model's outputs");
}

TrainingData training_data(const Dataset& data, const std::vector<InputSpec>& inputs) {
  return {samples_of(data, inputs), labels_of(data).of_samples};
}

/// Hours of training must not end in a name, a folder or a format that nothing can be written to.
void require_writable(const Graph& model, const std::filesystem::path& output) {
  const Workshop draft(output.parent_path());
  try {
    write_model(model, draft.file(output.filename().string()));
  } catch (const Error& error) {
    throw draft.with_final_names(error);
  }
}

}  // namespace

void TrainArgs::declare(Args& args) {
  data.declare(args);
  args.option("-o,--output", "FILE", output, "the model to write: .tflite or .onnx", true);
  args.flag("--force", is_forced, "overwrite the model itself");
  args.option("--held-out", "DIR", held_out, "samples to judge by; else a tenth of the data, 2000 at most");
  args.option("--epochs", "N", epochs, "times through the data", 1);
  args.option("--batch", "N", batch, "samples a step", 1);
  args.option("--optimizer", "NAME", optimizer,
              "lamb (steps in proportion to the weights), adamw or sgd (momentum 0.9)");
  args.option("--learning-rate", "R", learning_rate,
              "at its highest; 0: 0.0005 for lamb, 0.0001 for adamw, 0.001 for sgd", 0.0);
  args.option("--warm-up", "SHARE", warm_up, "of the steps, over which the learning rate rises", 0.0);
  args.option("--schedule", "NAME", schedule, "how the learning rate falls: cosine, step or constant");
  args.option("--weight-decay", "D", weight_decay, "of weights, not of biases", 0.0);
  args.option("--clip", "L", clip, "length of all gradients together at most; 0: any", 0.0);
  args.option("--average", "D", average,
              "keep a moving average of the weights that decays by D a step, as 0.99; 0: none", 0.0);
  args.flag("--keep-zeros", keep_zeros, "weights that are 0 stay so: what was pruned stays pruned");
  args.option("--augment", "LIST", augment, "changes of the samples, such as flip,shift=4: see hone help finetune");
  args.option("--patience", "N", patience, "epochs without a better result after which it stops; 0: never", 0);
  args.option("--seed", "N", seed, "of the split, the order and the augments", 0);
  args.option("--checkpoint", "FILE", checkpoint, "written after each epoch, removed at the end");
  args.flag("--resume", resume, "begin where --checkpoint stands: the result has the same bytes as one run's");
  preprocess.declare(args);
  args.flag("--json", is_json, "print JSON");
  engine.declare(args);
}

TrainOptions TrainArgs::options() const {
  TrainOptions o;
  const OptimizerName& named = find_optimizer(optimizer);
  if (warm_up > 1) throw invalid_argument(cat("--warm-up ", warm_up, ": expected a share of 0 to 1"));
  if (average >= 1) throw invalid_argument(cat("--average ", average, ": expected 0 or more, less than 1"));
  if (resume && checkpoint.empty()) throw invalid_argument("--resume needs --checkpoint FILE");
  o.optimizer.kind = named.kind;
  o.optimizer.average = average;
  o.optimizer.keeps_zeros = keep_zeros;
  o.schedule = &find_schedule(schedule);
  o.checkpoint = checkpoint;
  o.resume = resume;
  o.optimizer.weight_decay = weight_decay;
  o.optimizer.clip = clip;
  o.learning_rate = learning_rate > 0 ? learning_rate : named.learning_rate;
  o.warm_up = warm_up;
  o.epochs = epochs;
  o.batch = batch;
  o.patience = patience;
  o.seed = static_cast<uint64_t>(seed);
  o.augments = parse_augments(augment);
  return o;
}

int run_training(const TrainArgs& args, TrainJob job, Console& console) {
  if (!args.is_forced) require_source_survives(job.path, args.output, "give another name, or --force");
  TrainOptions options = args.options();
  options.objective = job.objective;
  run_pipeline(job.model, standard_pipeline());
  const Graph model = with_float_weights(job.model);
  require_writable(model, args.output);
  const std::vector<InputSpec> inputs = input_specs(model, args.preprocess.preprocess(), args.preprocess.stored());
  if (!args.checkpoint.empty() && !args.resume && std::filesystem::exists(args.checkpoint))
    throw invalid_argument(cat("'", args.checkpoint, "' is there already"),
                           "--resume goes on from it; remove it to begin anew");
  const Split split = split_of(args);
  require_all_classes(split.training, model, options.objective, args);
  options.has_planes = !inputs.empty() && inputs.front().preprocess.layout == "NCHW";
  const TrainingData data = training_data(split.training, inputs), held_out = training_data(split.held_out, inputs);
  if (job.teacher && data.labels.empty()) options.objective.labels = 0;
  const Engine engine = args.engine.engine();
  if (job.teacher)
    options.objective.matches =
        find_matches(job.matches, *job.teacher, model, Evidence(data.samples, args.engine.calibration_engine()));
  if (!inputs.empty()) warn_of_scale(model, engine, data.samples, inputs.front(), args.preprocess, console);
  const TrainHooks hooks{.progress = console.progress("training"),
                         .result = [&](const EpochResult& r) { console.note(epoch_text(r, options.epochs)); }};
  Trained trained = train(model, job.teacher, data, held_out, options, engine, hooks);
  console.end_progress();
  if (trained.was_interrupted) {
    if (trained.best == 0) throw cancelled("interrupted before an epoch was better: nothing is written");
    resume_after_interrupt();
  }
  if (args.preprocess.is_given() && !inputs.empty() && !inputs.front().preprocess.color.empty())
    trained.model.metadata[std::string(kPreprocessKey)] = to_json(inputs.front().preprocess);
  trained.model.metadata[std::string(kTrainingKey)] = record_of(args, options, split, trained);
  write_model(trained.model, args.output);
  if (!args.checkpoint.empty() && !trained.was_interrupted) std::filesystem::remove(args.checkpoint);
  report(args, job, options, split, trained, console);
  return 0;
}

}  // namespace hone
