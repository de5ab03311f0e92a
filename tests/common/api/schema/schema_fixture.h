#ifndef REKINDLE_TESTS_COMMON_API_SCHEMA_SCHEMA_FIXTURE_H_
#define REKINDLE_TESTS_COMMON_API_SCHEMA_SCHEMA_FIXTURE_H_

#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/schema/schema.h"

namespace rekindle::api {

// A small world of types for the tests of the mechanism.
inline constexpr char kSmallSchema[] = R"(
package io.k8s.apimachinery.pkg.apis.meta.v1
object ObjectMeta : About the object.
  name string : Its name.
  labels {string} : Its labels.

package io.example.v1
# A comment.
kind Widget group=example.io version=v1 plural=widgets short=w,wi status scale=.status.selector custom storage : A widget.
  spec WidgetSpec : Wanted.
  status WidgetStatus : Seen.
  column SIZE integer .spec.size : How big.
  column COLOR string .spec.color wide : Which color.

object WidgetSpec : What is wanted.
  size* int32 =1 min=0 max=10 : How big.
  color string enum=red,blue : Which color.
  share intorstring : A share.
  weight quantity : How heavy.
  name string rule=label : A label.
  code string pattern=^[a-z]+$ minlen=2 maxlen=4 : A code.
  since time : Since when.
  parts [Part] map=name,kind merge=name : Parts.
  tags [string] set merge : Tags.
  list [string] minitems=1 maxitems=2 : A list.
  options {string} : Options.
  limits Limits atomic own={} : Limits.
  blob any : Anything.
  hidden Hidden opaque : Free-form outside.
  maybe string nullable : May be null.
  checked string enum=x,y unchecked : Checked by us only.

object Part : A part.
  name* string : Its name.
  kind string =plain : Its kind.
  count int32 : How many.

object Limits : Limits.
  cpu string : Of the processor.
  burst bool own=true : Whether bursts are fine.

object Hidden retainkeys : Known to us only.
  deep string : Something.

object WidgetStatus preserve : What is seen.
  phase string : Where it is.
)";

class SchemaTest : public testing::Test {
 protected:
  SchemaTest() {
    auto parsed = Schema::Parse({{"small", kSmallSchema}});
    EXPECT_TRUE(parsed.ok()) << parsed.status();
    schema_ = *parsed;
    widget_ = schema_->Find("example.io/v1", "Widget");
    spec_ = schema_->FindType("io.example.v1.WidgetSpec");
  }

  std::shared_ptr<const Schema> schema_;
  const KindInfo* widget_;
  const Type* spec_;
};

}  // namespace rekindle::api

#endif  // REKINDLE_TESTS_COMMON_API_SCHEMA_SCHEMA_FIXTURE_H_
