#pragma once

#include "cli/command.h"

namespace hone {

// One for each command, defined in the command's own file; commands.cpp lists them.
extern const Command kBenchCommand;
extern const Command kBenchmarkAppCommand;
extern const Command kBenchmarkModelCommand;
extern const Command kCompareCommand;
extern const Command kConvertCommand;
extern const Command kEmitCCommand;
extern const Command kDeployCommand;
extern const Command kDevicesCommand;
extern const Command kDistillCommand;
extern const Command kDiffCommand;
extern const Command kDoctorCommand;
extern const Command kEvalCommand;
extern const Command kFinetuneCommand;
extern const Command kExplainCommand;
extern const Command kHelpCommand;
extern const Command kInspectCommand;
extern const Command kOnnxruntimePerfTestCommand;
extern const Command kOptimizeCommand;
extern const Command kPackageCommand;
extern const Command kPerfCommand;
extern const Command kProfileCommand;
extern const Command kPruneCommand;
extern const Command kQuantizeCommand;
extern const Command kReduceCommand;
extern const Command kRunCommand;
extern const Command kServeCommand;
extern const Command kTfliteConvertCommand;
extern const Command kTrtexecCommand;
extern const Command kVerifyCommand;
extern const Command kVersionCommand;

}  // namespace hone
