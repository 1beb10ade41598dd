// Tests of checkpoint files: generations, their lock, what killed runs leave behind.
// covers: src/io/run_lock.cpp
#include "gmmpi/io/checkpoint_store.hpp"

#include "checkpoint_support.hpp"

using namespace checkpoint_test;

TEST_CASE("checkpoint store: three generations are kept, and all are removed at the end") {
  const TemporaryDirectory dir;
  const std::string prefix = dir / "run";
  const Bytes bytes = recorded().encoded(recorded().last(0));
  {
    CheckpointStore store(prefix);
    for (int i = 0; i < 5; ++i) {
      CHECK(store.write(bytes) == prefix + ".ckpt." + std::to_string(i) + ".h5");
      CHECK(dir.n_entries() == 1 + std::min<std::size_t>(i + 1, 3));  // and the lock
    }
    CHECK_FALSE(std::filesystem::exists(prefix + ".ckpt.1.h5"));
    CHECK(std::filesystem::exists(prefix + ".ckpt.2.h5"));
    store.remove_all();
    CHECK(dir.n_entries() == 1);
  }
  CHECK(dir.n_entries() == 0);
}

TEST_CASE("checkpoint store: what only looks like a generation is left alone") {
  const TemporaryDirectory dir;
  const std::string prefix = dir / "run";
  const std::vector<std::string> others = {"run.ckpt.h5",    "run.ckpt..h5",  "run.ckpt.1.h5.old",
                                           "run.ckpt.-1.h5", "run.ckpt.x.h5", "run2.ckpt.1.h5",
                                           "run.ckpt.1x.h5", "run.h5",        ".run.h5.tmp.5",
                                           "run.ckpt.1.1.h5"};
  for (const std::string& name : others) write_file(dir / name, "x");
  CheckpointStore store(prefix);
  CHECK_FALSE(store.load(recorded().options, recorded().data.summary()));
  CHECK(store.write(recorded().encoded(recorded().last(0))) == prefix + ".ckpt.0.h5");
  store.remove_all();
  store.set_aside();
  for (const std::string& name : others) CHECK(read_file(dir / name) == "x");
  CHECK(dir.n_entries() == others.size() + 1);
}

TEST_CASE("checkpoint store: the newest sound generation wins, with a warning for each damaged one") {
  const TemporaryDirectory dir;
  const std::string prefix = dir / "run";
  CheckpointStore store(prefix);
  const auto load = [&] { return store.load(recorded().options, recorded().data.summary()); };
  CHECK_FALSE(load());
  const std::vector<FitState>& states = recorded().states;
  for (int i : {1, 2, 3}) store.write(recorded().encoded(states[i]));
  REQUIRE(load());
  CHECK(load()->path == prefix + ".ckpt.2.h5");
  CHECK(load()->warnings.empty());
  CHECK(recorded().encoded(load()->state) == recorded().encoded(states[3]));

  write_bytes(prefix + ".ckpt.2.h5", with_flipped_bit(recorded().encoded(states[3]), 12345));
  REQUIRE(load());
  CHECK(load()->path == prefix + ".ckpt.1.h5");
  REQUIRE(load()->warnings.size() == 1);
  CHECK_THAT(load()->warnings[0], StartsWith(prefix + ".ckpt.2.h5: damaged (its checksum is wrong)"));
  CHECK(recorded().encoded(load()->state) == recorded().encoded(states[2]));

  write_bytes(prefix + ".ckpt.1.h5", {});
  std::filesystem::remove(prefix + ".ckpt.2.h5");
  std::filesystem::create_directory(prefix + ".ckpt.2.h5");
  REQUIRE(load());
  CHECK(load()->path == prefix + ".ckpt.0.h5");
  CHECK(load()->warnings.size() == 2);
  // The next generation's number is above that of the damaged ones.
  CHECK(store.write(recorded().encoded(states[4])) == prefix + ".ckpt.3.h5");
  CHECK(load()->path == prefix + ".ckpt.3.h5");
}

TEST_CASE("checkpoint store: when all are damaged it says what is wrong with each and deletes nothing") {
  const TemporaryDirectory dir;
  const std::string prefix = dir / "run";
  CheckpointStore store(prefix);
  const Bytes sound = recorded().encoded(recorded().last(0));
  write_bytes(prefix + ".ckpt.0.h5", with_flipped_bit(sound, 777));
  write_bytes(prefix + ".ckpt.1.h5", {});
  write_bytes(prefix + ".ckpt.2.h5", Bytes(10));
  write_bytes(prefix + ".ckpt.3.h5", Bytes(sound.size() / 2));
  const std::string message = error_of([&] { store.load(recorded().options, recorded().data.summary()); });
  CHECK_THAT(message, StartsWith("76 no sound checkpoint: "));
  CHECK_THAT(message, Contains(".ckpt.0.h5: damaged (its checksum is wrong)"));
  CHECK_THAT(message, Contains(".ckpt.1.h5: the file is empty"));
  CHECK_THAT(message, Contains(".ckpt.2.h5: damaged (too short)"));
  CHECK_THAT(message, Contains(".ckpt.3.h5: damaged (truncated, or no gmmpi checkpoint)"));
  CHECK(dir.n_entries() == 5);

  store.set_aside();
  CHECK_FALSE(store.load(recorded().options, recorded().data.summary()));
  CHECK(dir.n_entries() == 5);
  CHECK(std::filesystem::exists(prefix + ".ckpt.3.h5.aside.0"));
  write_bytes(prefix + ".ckpt.3.h5", sound);
  store.set_aside();
  CHECK(std::filesystem::exists(prefix + ".ckpt.3.h5.aside.1"));
  CHECK(dir.n_entries() == 6);
}

TEST_CASE("checkpoint store: a sound checkpoint of another fit is refused, not passed over") {
  const TemporaryDirectory dir;
  CheckpointStore store(dir / "run");
  store.write(recorded().encoded(recorded().last(0)));
  const auto other = changed([](FitOptions& o) { o.seed = 8; });
  store.write(encode_checkpoint(recorded().last(0), other, recorded().data.summary()));
  CHECK_THROWS_AS(store.load(recorded().options, recorded().data.summary()), CheckpointMismatch);
}

TEST_CASE("checkpoint store: a write that fails leaves the older generations and no temporary file") {
  const TemporaryDirectory dir;
  const std::string prefix = dir / "run";
  CheckpointStore store(prefix);
  const Bytes bytes = recorded().encoded(recorded().last(0));
  for (int i = 0; i < 3; ++i) store.write(bytes);
  std::string error;
  {
    const FileSizeLimit limit(1000);
    error = error_of([&] { store.write(bytes); });
  }
  CHECK_THAT(error, StartsWith("74 " + prefix + ".ckpt.3.h5: cannot be written"));
  CHECK(dir.n_entries() == 4);
  CHECK(store.load(recorded().options, recorded().data.summary())->path == prefix + ".ckpt.2.h5");
  CHECK(store.write(bytes) == prefix + ".ckpt.3.h5");
}

TEST_CASE("checkpoint store: the lock names host, process and start time, and ends with the store") {
  const TemporaryDirectory dir;
  const std::string prefix = dir / "run";
  {
    const CheckpointStore store(prefix);
    char host[256] = {};
    ::gethostname(host, sizeof host - 1);
    CHECK_THAT(lock_text(prefix), StartsWith(fmt::format("{} {} ", host, ::getpid())));
  }
  CHECK(dir.n_entries() == 0);
}

TEST_CASE("checkpoint store: the lock of a process that is gone is taken at once") {
  const TemporaryDirectory dir;
  const std::string prefix = dir / "run";
  std::string host;
  {
    const CheckpointStore store(prefix);
    host = lock_text(prefix).substr(0, lock_text(prefix).find(' '));
  }
  const auto begin = std::chrono::steady_clock::now();
  // No such process; and this process's number, but started at another time.
  for (const std::string& holder : {host + " 2000000000 1\n", fmt::format("{} {} 1\n", host, ::getpid())}) {
    write_file(prefix + ".ckpt.lock", holder);
    const CheckpointStore store(prefix);
    CHECK(lock_text(prefix) != holder);
  }
  CHECK(std::chrono::steady_clock::now() - begin <
        std::chrono::seconds(40));  // not after the 45 s of a silent one
}

TEST_CASE("checkpoint store: a writer whose lock was taken renames nothing and leaves the new lock") {
  const TemporaryDirectory dir;
  const std::string prefix = dir / "run";
  const Bytes bytes = recorded().encoded(recorded().last(0));
  {
    CheckpointStore store(prefix);
    store.write(bytes);
    write_file(prefix + ".ckpt.lock", "elsewhere 1 1\n");
    CHECK_THAT(error_of([&] { store.write(bytes); }),
               StartsWith("73 " + prefix + ".ckpt.lock: another run has taken over"));
    CHECK(dir.n_entries() == 2);
  }
  CHECK(lock_text(prefix) == "elsewhere 1 1\n");
}

TEST_CASE("checkpoint store: leftovers of killed runs are removed, and nothing else") {
  const TemporaryDirectory dir;
  for (const char* name :
       {".run.ckpt.7.h5.tmp.123", ".run.h5.tmp.9", "run.h5", ".run2.h5.tmp.9", ".runx", "tmp.run"})
    write_file(dir / name, "x");
  remove_leftovers(dir / "run.ckpt");
  remove_leftovers(dir / "run.h5");
  CHECK(dir.n_entries() == 4);
  CHECK_FALSE(std::filesystem::exists(dir / ".run.ckpt.7.h5.tmp.123"));
  CHECK_FALSE(std::filesystem::exists(dir / ".run.h5.tmp.9"));
}

TEST_CASE("checkpoint store: other processes of a run write parts under its lock, and lose it with it") {
  const TemporaryDirectory dir;
  const std::string prefix = dir / "run";
  const Bytes bytes = recorded().encoded(recorded().last(0));
  CheckpointStore first(prefix);
  {
    CheckpointStore second(prefix, first.lock_text());
    second.set_part("full.3");
    CHECK_FALSE(second.has_any());
    CHECK(second.write(bytes) == prefix + ".ckpt.full.3.0.h5");
    CHECK(second.has_any());
  }
  CHECK_NOTHROW(first.check_lock());  // still there
  CheckpointStore third(prefix, first.lock_text());
  write_bytes(prefix + ".ckpt.lock", Bytes(5));
  CHECK_THROWS_AS(third.write(bytes), LockLost);
}
