#include "common/api/quantity.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::api {
namespace {

TEST(Quantity, CanonicalTextOfKubernetesApi28) {
  const std::pair<const char*, const char*> cases[] = {
      {"1.0", "1"},       {"1.5", "1500m"},     {"0.1", "100m"},     {"1000", "1k"},
      {"1024", "1024"},   {"1000000", "1M"},    {"1500k", "1500k"},  {"1000k", "1M"},
      {"1.25M", "1250k"}, {"1024Ki", "1Mi"},    {"1.5Gi", "1536Mi"}, {"0.5Gi", "512Mi"},
      {"2048Mi", "2Gi"},  {"1023Mi", "1023Mi"}, {"1e3", "1e3"},      {"1.5e2", "150"},
      {"1e-1", "100e-3"}, {"10000m", "10"},     {".5", "500m"},      {"3.000", "3"},
      {"0m", "0"},        {"-5", "-5"},         {"1E", "1E"},        {"1E3", "1e3"},
  };
  for (const auto& [in, out] : cases) {
    const auto quantity = Quantity::Parse(in);
    ASSERT_TRUE(quantity.ok()) << in;
    EXPECT_EQ(quantity->Text(), out) << in;
  }
}

TEST(Quantity, RefusedTexts) {
  for (const char* bad :
       {"K", "1K", "1 Gi", "1Gib", "1_000", "0x10", "", "1e", "1.2.3", "m", "1e x"}) {
    EXPECT_FALSE(Quantity::Parse(bad).ok()) << bad;
  }
  EXPECT_FALSE(Quantity::FromJson(Json(true)).ok());
}

TEST(Quantity, ComparesByValueAndRoundsUp) {
  EXPECT_EQ(*Quantity::Parse("1"), *Quantity::Parse("1000m"));
  EXPECT_EQ(*Quantity::FromJson(Json(1.5)), *Quantity::Parse("1500m"));
  EXPECT_LT(*Quantity::Parse("1G"), *Quantity::Parse("1Gi"));
  EXPECT_EQ(Quantity::Parse("0.1234")->Milli(), 124);
  EXPECT_EQ(Quantity::Parse("1n")->Milli(), 1);
  EXPECT_EQ(Quantity::Parse("1.0001Ki")->Milli(), 1024103);
  EXPECT_EQ(Quantity::Parse("1.5")->Units(), 2);
}

TEST(Quantity, StoredValuesAreRoundedUpToThousandths) {
  const std::pair<const char*, const char*> cases[] = {
      {"0.1234", "124m"}, {"1n", "1m"}, {"1.0001Ki", "1024103m"}, {"1Gi", "1Gi"}, {"-0.0001", "0"}};
  for (const auto& [in, out] : cases) {
    EXPECT_EQ(Quantity::Parse(in)->RoundedToMilli().Text(), out) << in;
  }
  EXPECT_TRUE(Quantity::Parse("1Ki")->IsWhole());
  EXPECT_FALSE(Quantity::Parse("1500m")->IsWhole());
  EXPECT_TRUE(Quantity::Parse("-1m")->IsNegative());
  EXPECT_FALSE(Quantity::Parse("0")->IsNegative());
}

TEST(Quantity, LargeValuesAreCappedAndManyDigitsAreFine) {
  constexpr char kMost[] = "9223372036854775807";
  EXPECT_EQ(Quantity::Parse("8Ei")->PlainText(), kMost);
  EXPECT_EQ(Quantity::Parse("999999999999999999999999Ei")->PlainText(), kMost);
  EXPECT_EQ(Quantity::Parse("7Ei")->PlainText(), "8070450532247928832");
  EXPECT_EQ(*Quantity::Parse("1.00000000000000000000000Ki"), *Quantity::Parse("1Ki"));
  EXPECT_EQ(*Quantity::Parse(" 5 "), *Quantity::Parse("0005"));
  EXPECT_EQ(*Quantity::FromJson(Json()), *Quantity::Parse("0"));
  EXPECT_EQ(*Quantity::FromJson(Json(5)), *Quantity::Parse("5."));
  EXPECT_EQ(Quantity::Parse(std::string(5000, '9'))->PlainText(), kMost);
  EXPECT_EQ(Quantity::Parse("1" + std::string(40, '0') + "n")->PlainText(), kMost);
}

TEST(Quantity, TheCanonicalTextIsReadBack) {
  for (const char* text : {"1111110.51111111111991Gi", "9223372036854775806.999999999",
                           "-9223372036854775806.999999999", "0.000000001Ei"}) {
    const Quantity quantity = *Quantity::Parse(text);
    const auto again = Quantity::Parse(quantity.Text());
    ASSERT_TRUE(again.ok()) << quantity.Text();
    EXPECT_EQ(*again, quantity) << text;
  }
}

}  // namespace
}  // namespace rekindle::api
