"""vLLM in process as a chat model."""
