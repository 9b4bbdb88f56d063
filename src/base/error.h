#pragma once

#include "hone/error.h"
