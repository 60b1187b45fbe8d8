"""What the benchmarks share: a terminal, a learner's folder, a table, and the peers to compare with."""
