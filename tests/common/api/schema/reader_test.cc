#include <gmock/gmock.h>

#include "tests/common/api/schema/schema_fixture.h"

namespace rekindle::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using ReaderTest = SchemaTest;

TEST_F(ReaderTest, Kinds) {
  ASSERT_NE(widget_, nullptr);
  EXPECT_EQ(widget_->ApiVersion(), "example.io/v1");
  EXPECT_EQ(widget_->list_kind, "WidgetList");
  EXPECT_EQ(widget_->singular, "widget");
  EXPECT_THAT(widget_->short_names, ElementsAre("w", "wi"));
  EXPECT_TRUE(widget_->namespaced && widget_->custom && widget_->storage && widget_->status &&
              widget_->scale);
  EXPECT_EQ(widget_->scale_selector_path, ".status.selector");
  ASSERT_EQ(widget_->columns.size(), 2u);
  EXPECT_EQ(widget_->columns[0].path, ".spec.size");
  EXPECT_EQ(widget_->columns[1].priority, 1);
  EXPECT_EQ(widget_->doc, "A widget.");
  EXPECT_EQ(schema_->FindResource("example.io", "v1", "widgets"), widget_);
  EXPECT_EQ(schema_->Find("", "v1", "Widget"), nullptr);
  EXPECT_EQ(schema_->Find("v1", "Widget"), nullptr);
  // Every object has these three.
  for (const char* name : {"apiVersion", "kind", "metadata"}) {
    EXPECT_NE(widget_->type->Find(name), nullptr) << name;
  }
}

TEST_F(ReaderTest, MembersAndTheirAttributes) {
  ASSERT_NE(spec_, nullptr);
  const Field& size = *spec_->Find("size");
  EXPECT_TRUE(size.required);
  EXPECT_EQ(size.type->shape, Shape::kInteger);
  EXPECT_EQ(size.type->format, Format::kInt32);
  EXPECT_EQ(*size.fallback, 1);
  EXPECT_TRUE(size.published_default);
  EXPECT_EQ(size.type->maximum, 10);
  EXPECT_EQ(size.doc, "How big.");
  const Type& parts = *spec_->Find("parts")->type;
  EXPECT_EQ(parts.list, ListKind::kMap);
  EXPECT_THAT(parts.keys, ElementsAre("name", "kind"));
  EXPECT_EQ(parts.MergeRule().kind, json::ListRule::Kind::kMergeByKey);
  EXPECT_EQ(parts.element->name, "io.example.v1.Part");
  EXPECT_EQ(spec_->Find("tags")->type->MergeRule().kind, json::ListRule::Kind::kMergePrimitive);
  EXPECT_TRUE(spec_->Find("limits")->atomic);
  EXPECT_FALSE(spec_->Find("limits")->published_default);
  EXPECT_TRUE(spec_->Find("hidden")->opaque);
  EXPECT_TRUE(spec_->Find("hidden")->type->RetainsKeys());
  EXPECT_FALSE(spec_->Find("checked")->published_checks);
  EXPECT_EQ(spec_->MemberSchema("hidden"), nullptr);  // opaque
  EXPECT_EQ(spec_->MemberSchema("parts")->MemberSchema(""), parts.element);
}

TEST_F(ReaderTest, FaultsNameFileAndLine) {
  const struct {
    const char* text;
    const char* want;
  } cases[] = {
      {"object A", "f:1: no package"},
      {"package p\nthing A", "f:2: unknown \"thing\""},
      {"package p\nobject A\n  x strin", "f:3: unknown type \"strin\""},
      {"package p\nobject A\n  x", "f:3: a member needs a type"},
      {"package p\nobject A\n  x string what", "f:3: unknown attribute \"what\""},
      {"package p\nobject A\n  x string rule=what", "f:3: unknown rule \"what\""},
      {"package p\nobject A\n  x string\n  x string", "f:4: member declared twice: \"x\""},
      {"package p\nobject A\nobject A", "f:3: declared twice: \"p.A\""},
      {"package p\nobject A odd", "f:2: unknown attribute \"odd\""},
      {"package p\nobject A\n  a A min=1", "f:3: an object's member cannot have \"min=1\""},
      {"package p\nobject A\n  l [A] map=k", "p.A.l: no element has a member k"},
      {"package p\nobject A\n  l []", "f:3: a type is missing"},
      {"package p\nkind K plural=ks", "f:2: a kind needs version and plural"},
      {"  x string", "f:1: a member without an object"},
      {"package p\nobject A\npackage q\nobject A\npackage r\nobject B\n  a A",
       "f:7: more than one type is called \"A\""},
  };
  for (const auto& c : cases) {
    const auto got = Schema::Parse({{"f", c.text}});
    EXPECT_EQ(got.status().code(), absl::StatusCode::kInvalidArgument) << c.text;
    EXPECT_THAT(got.status().message(), HasSubstr(c.want)) << c.text;
  }
  EXPECT_TRUE(Schema::Parse({{"f",
                              "package p\nobject A\npackage q\nobject A\npackage r\nobject B\n"
                              "  a q.A\n"}})
                  .ok());
}

}  // namespace
}  // namespace rekindle::api
