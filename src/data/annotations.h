#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace hone {

/// What somebody says there is on a picture: a box in fractions of its width and height, and its class.
struct Annotation {
  double left = 0, top = 0, right = 0, bottom = 0;
  int64_t label = 0;
  bool is_unsure = false;  ///< a crowd (COCO) or difficult (VOC): finding it counts neither for nor against
};

struct Annotations {
  std::string kind;                                 ///< "COCO", "VOC", "YOLO"; "" when there are none
  std::vector<std::vector<Annotation>> of_samples;  ///< one list a sample of the data
  std::vector<std::string> classes;                 ///< by label, where names are known
};

/// The boxes that stand beside a folder of pictures:
///  - COCO: a .json with images, annotations and categories, in the folder or in annotations/ beside it
///  - VOC: NAME.xml beside NAME.jpg, or in Annotations/ beside the folder
///  - YOLO: NAME.txt beside NAME.jpg, or in labels/ beside the folder, with lines "class x y width height" in fractions
/// Classes count as in the data's own names (--labels), else COCO's categories by their id, VOC's twenty (other
/// names in alphabetical order), YOLO's numbers. Throws Error(invalid_argument) that names file and place for what is
/// not as it should be.
Annotations find_annotations(const Dataset& data);

}  // namespace hone
