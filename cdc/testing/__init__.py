"""The kit for tests: real servers, started here without Docker or in it. Imported by tests, the demo and the benchmarks."""
