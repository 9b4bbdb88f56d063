#include "cli/commands.h"

#include <array>

namespace hone {

std::span<const Command> all_commands() {
  static const std::array kCommands{
      kOptimizeCommand,  //
      kQuantizeCommand,  //
      kFinetuneCommand,  //
      kDistillCommand,   //
      kPruneCommand,     //
      kExplainCommand,   //
      kVerifyCommand,    //
      kDoctorCommand,    //
      kDiffCommand,      //
      kReduceCommand,    //
      kInspectCommand,   //
      kRunCommand,       //
      kConvertCommand,   //
      kEmitCCommand,     //
      kEvalCommand,      //
      kCompareCommand,   //
      kBenchCommand,     //
      kProfileCommand,   //
      kPackageCommand,   //
      kDeployCommand,    //
      kServeCommand,     //
      kDevicesCommand,   //
      kHelpCommand,      //
      kVersionCommand,   //

      // Command lines of other tools.
      kTfliteConvertCommand,        //
      kBenchmarkModelCommand,       //
      kTrtexecCommand,              //
      kBenchmarkAppCommand,         //
      kOnnxruntimePerfTestCommand,  //
      kPerfCommand,                 //
  };
  return kCommands;
}

}  // namespace hone
