#ifndef REKINDLE_TEST_KUBE_SHARED_CLUSTER_H_
#define REKINDLE_TEST_KUBE_SHARED_CLUSTER_H_

#include <utility>

#include <gtest/gtest.h>

#include "tests/kube/cluster.h"

namespace rekindle::kube {

// A suite whose tests share one cluster: starting one takes longer than most of what they look at.
// Tests use pod names of their own.
class SharedClusterTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto up = Cluster::Up();
    ASSERT_TRUE(up.ok()) << up.status();
    cluster_ = up->release();
  }
  static void TearDownTestSuite() {
    if (cluster_ != nullptr) {
      absl::Status intact = cluster_->CheckKubeletFolder();
      EXPECT_TRUE(intact.ok()) << intact;
      absl::Status down = cluster_->Down();
      EXPECT_TRUE(down.ok()) << down;
    }
    delete std::exchange(cluster_, nullptr);
  }

  void SetUp() override { ASSERT_NE(cluster_, nullptr); }

  static inline Cluster* cluster_ = nullptr;
};

}  // namespace rekindle::kube

#endif  // REKINDLE_TEST_KUBE_SHARED_CLUSTER_H_
