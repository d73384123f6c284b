"""Speed measured here and now, as ratios in one run, beside the way it is usually done."""
