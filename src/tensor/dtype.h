#pragma once

#include "hone/dtype.h"
