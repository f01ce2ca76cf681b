"""Benchmarks of `reserve` against its peers, side by side in one run: `python -m bench`."""
