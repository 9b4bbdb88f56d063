#include "report/label_placement.h"

#include <gtest/gtest.h>

namespace hone::report {
namespace {

constexpr Box kFrame{0, 0, 700, 400};

void expect_apart_and_inside(const std::vector<PlacedLabel>& labels) {
  for (size_t i = 0; i < labels.size(); ++i) {
    const Box& b = labels[i].box;
    ASSERT_TRUE(labels[i].is_placed) << i;
    EXPECT_GE(b.x, 0);
    EXPECT_GE(b.y, 0);
    EXPECT_LE(b.x + b.w, kFrame.w);
    EXPECT_LE(b.y + b.h, kFrame.h);
    for (size_t k = 0; k < i; ++k) EXPECT_EQ(overlap(b, labels[k].box), 0) << i << " over " << k;
  }
}

TEST(LabelPlacement, PutsALoneLabelRightOfItsPoint) {
  const LabelRequest request{300, 200, 5, 80, 15};
  const auto placed = place_labels({&request, 1}, {}, kFrame);
  EXPECT_TRUE(placed[0].is_placed);
  EXPECT_FALSE(placed[0].has_leader);
  EXPECT_GT(placed[0].box.x, 305);
}

TEST(LabelPlacement, TurnsInwardAtTheRightEdge) {
  const LabelRequest request{690, 200, 5, 80, 15};
  expect_apart_and_inside(place_labels({&request, 1}, {}, kFrame));
}

TEST(LabelPlacement, KeepsTwentyLabelsOfOneSpotApart) {
  const std::vector<LabelRequest> requests(20, {150, 200, 5, 160, 15});
  expect_apart_and_inside(place_labels(requests, {}, kFrame));
}

TEST(LabelPlacement, PrefersAFreeSideToOneThatIsToBeAvoided) {
  const LabelRequest request{300, 200, 5, 80, 15};
  const Box to_the_right{305, 150, 300, 100};
  const auto placed = place_labels({&request, 1}, {&to_the_right, 1}, kFrame);
  EXPECT_EQ(overlap(placed[0].box, to_the_right), 0);
}

TEST(LabelPlacement, SaysWhenNoRoomIsLeft) {
  const LabelRequest request{300, 200, 5, 800, 15};
  EXPECT_FALSE(place_labels({&request, 1}, {}, kFrame)[0].is_placed);
}

}  // namespace
}  // namespace hone::report
