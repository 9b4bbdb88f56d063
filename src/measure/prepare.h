#pragma once

#include "measure/engine.h"
