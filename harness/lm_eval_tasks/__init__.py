"""Our tasks as plain `lm_eval --include_path` takes them: YAML, and the functions it points to."""
