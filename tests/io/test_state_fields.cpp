// The table of a checkpoint: members of every type come back bit for bit, those of an engine too.
#include "io/state_fields.hpp"

#include <limits>
#include <set>

#include "checkpoint_support.hpp"

using namespace checkpoint_test;

namespace {

/// A member of each type that a state may have.
struct Everything {
  bool flag = false;
  int small = 0;
  std::int64_t large = 0;
  double number = 0.0;
  std::vector<double> list;
  std::vector<std::vector<double>> rows;
  std::vector<Reseed> reseeds;
  Mixture model, nothing;

  std::vector<StateField> fields() {
    const std::string g = "own";
    return {{g, "flag", &flag}, {g, "small", &small}, {g, "large", &large},
            {g, "number", &number}, {g, "list", &list}, {g, "rows", &rows},
            {g, "reseeds", &reseeds}, {"its_model", "", &model}, {"no_model", "", &nothing}};
  }
};

class Keeper final : public Engine {
 public:
  std::string_view name() const override { return "keeper"; }
  std::string_view summary() const override { return "keeps something of every type"; }
  std::vector<TraceKind> traces() const override { return {{"kept"}}; }
  EngineState state(const FitOptions&) const override { return Everything(); }
  void run(const Problem&, FitState&) const override {}
};

}  // namespace

TEST_CASE("state_fields: what an engine keeps comes back, whatever its type", "[serial]") {
  const Keeper keeper;
  FitOptions options = recorded().options;
  options.engine = &keeper;
  FitState state = recorded().last(1);
  Everything own;
  own.flag = true;
  own.small = -7;
  own.large = std::int64_t{1} << 60;
  own.number = -0.1;
  own.list = {1.0, std::numeric_limits<double>::denorm_min(), -0.0};
  own.rows = {{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}};
  own.reseeds = {{0, 3, 1, Index{1} << 40}};
  own.model = recorded().result.model;
  state.engine = own;
  state.traces["kept"] = {0.5, 0.25};
  const DataSummary& data = recorded().data.summary();
  const Bytes bytes = encode_checkpoint(state, options, data);
  FitState back = decode_checkpoint(bytes, "it", options, data);
  CHECK(encode_checkpoint(back, options, data) == bytes);
  const Everything& its = back.engine.as<Everything>();
  CHECK(its.flag);
  CHECK(its.small == -7);
  CHECK(its.large == own.large);
  CHECK(its.number == -0.1);
  CHECK(same_bits(its.list, own.list));
  CHECK(its.rows == own.rows);
  CHECK(its.reseeds.size() == 1);
  CHECK(its.reseeds[0].row == Index{1} << 40);
  CHECK(same_bits(its.model.covariances, own.model.covariances));
  CHECK(its.nothing.weights.empty());
  CHECK(back.traces["kept"] == state.traces["kept"]);
}

TEST_CASE("state_fields: no two members have the same place in a file, and a copy shares none", "[serial]") {
  FitState state = recorded().last(1);
  std::set<std::pair<std::string, std::string>> places;
  const std::vector<StateField> fields = state_fields(state, recorded().options);
  for (const StateField& field : fields) places.insert({field.group, field.name});
  CHECK(places.size() == fields.size());
  FitState copy = state;
  CHECK(std::get<Mixture*>(copy.engine.fields()[0].place) != std::get<Mixture*>(state.engine.fields()[0].place));
}

TEST_CASE("state_fields: a member that a file lacks is an error that names it", "[serial]") {
  FitState state = recorded().last(1);
  std::vector<double> absent;
  const auto image = h5::make_image([&](hid_t file) {
    write_fields(file, stored_fields(state_fields(state, recorded().options)));
  });
  const h5::Handle file = h5::open_image(image, "it");
  CHECK_THROWS_WITH(read_state_fields(file, "it", {{"state", "absent", &absent}}), Contains("absent"));
}
