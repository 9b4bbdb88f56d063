#pragma once

#include "base/text.h"
#include "hone/shape.h"
