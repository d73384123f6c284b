"""The mixture a writer is trained on: rows drawn by their hashes, checked against the tests."""
