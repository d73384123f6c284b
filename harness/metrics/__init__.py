"""Statistics of stored verdicts: pure functions over tables, without a model and without torch."""
