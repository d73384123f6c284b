"""The back-ends of lm-eval as chat models."""
