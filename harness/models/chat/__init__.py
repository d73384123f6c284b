"""Chat models of transformers, in process."""
