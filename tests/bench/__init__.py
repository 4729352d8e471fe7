"""Benchmarks: each measures one promise of the README on the real thing and writes its table."""
