#pragma once

// Everything of the public C++ API.
#include "hone/error.h"
#include "hone/image.h"
#include "hone/inference.h"
#include "hone/model.h"
#include "hone/optimize.h"
#include "hone/quantize.h"
#include "hone/tensor.h"
#include "hone/version.h"
