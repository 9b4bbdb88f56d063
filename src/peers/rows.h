#pragma once

#include "peers/peer.h"

namespace hone {

extern const PeerRow kOnnxRuntimePeer, kTflitePeer;

}  // namespace hone
