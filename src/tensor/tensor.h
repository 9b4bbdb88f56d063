#pragma once

#include "hone/tensor.h"
