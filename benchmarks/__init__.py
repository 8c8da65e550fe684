"""Benchmarks: `make bench`. Figures of one run belong together; compare ratios, not seconds."""
