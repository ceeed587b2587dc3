"""The benchmarks behind docs/speed.md; `make bench` runs them all."""
