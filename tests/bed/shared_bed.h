#ifndef REKINDLE_TEST_BED_SHARED_BED_H_
#define REKINDLE_TEST_BED_SHARED_BED_H_

#include <utility>

#include <gtest/gtest.h>

#include "tests/bed/bed.h"

namespace rekindle::bed {

// A suite whose tests share one bed: starting one takes longer than most of what they look at.
class SharedBedTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto up = Bed::Up();
    ASSERT_TRUE(up.ok()) << up.status();
    bed_ = up->release();
  }
  static void TearDownTestSuite() {
    if (bed_ != nullptr) {
      EXPECT_TRUE(bed_->Down().ok());
    }
    delete std::exchange(bed_, nullptr);
  }

  void SetUp() override { ASSERT_NE(bed_, nullptr); }

  static inline Bed* bed_ = nullptr;
};

}  // namespace rekindle::bed

#endif  // REKINDLE_TEST_BED_SHARED_BED_H_
