#include "controller/apiserver/rest/presentation.h"

#include <gmock/gmock.h>

#include "tests/controller/apiserver/rest/rest_fakes.h"

namespace rekindle::apiserver {
namespace {

using ::testing::HasSubstr;

class EventLinesTest : public ::testing::Test {
 protected:
  std::shared_ptr<const std::string> Line(EventLines& lines, const WatchEvent& event,
                                          const Form& form = {}, bool columns = false) {
    auto line = lines.Line(event, *kind_, form, IncludeObject::kMetadata, columns);
    EXPECT_TRUE(line.ok()) << line.status();
    return *line;
  }

  FakeSurface surface_;
  std::shared_ptr<const Catalog> catalog_ = Catalog::Make({});
  const ServedKind* kind_ = catalog_->FindResource("", "v1", "pods");
};

TEST_F(EventLinesTest, OneTreeIsPrintedOnceForEachForm) {
  EventLines lines(surface_);
  const WatchEvent event = FakeRegistry::Event("ADDED", "p");
  const auto first = Line(lines, event);
  EXPECT_EQ(Line(lines, event), first);
  EXPECT_NE(Line(lines, {"MODIFIED", event.object}), first);
  const Form table{.shape = Form::Shape::kTable, .version = "v1"};
  const auto with = Line(lines, event, table, true);
  EXPECT_THAT(*with, HasSubstr("\"columns\":true"));
  EXPECT_THAT(*Line(lines, event, table, false), HasSubstr("\"columns\":false"));
  EXPECT_EQ(Line(lines, event, table, true), with);
}

TEST_F(EventLinesTest, OldLinesAreForgotten) {
  EventLines lines(surface_, /*most_bytes=*/1000);
  const WatchEvent event = FakeRegistry::Event("ADDED", "p", 600);
  const auto first = Line(lines, event);
  Line(lines, FakeRegistry::Event("ADDED", "q", 600));
  const auto again = Line(lines, event);
  EXPECT_NE(again, first);
  EXPECT_EQ(*again, *first);
}

TEST_F(EventLinesTest, ListsOfMetadata) {
  const Json list = {{"kind", "PodList"},
                     {"metadata", {{"resourceVersion", "5"}}},
                     {"items", {{{"metadata", {{"name", "p"}}}, {"spec", 1}}}}};
  const auto out = InForm(list, *kind_, {.shape = Form::Shape::kPartial, .version = "v1"},
                          IncludeObject::kMetadata, true, true, surface_);
  ASSERT_TRUE(out.ok());
  EXPECT_EQ((*out)["kind"], "PartialObjectMetadataList");
  EXPECT_EQ((*out)["metadata"]["resourceVersion"], "5");
  EXPECT_EQ((*out)["items"][0]["metadata"]["name"], "p");
  EXPECT_FALSE((*out)["items"][0].contains("spec"));
}

}  // namespace
}  // namespace rekindle::apiserver
