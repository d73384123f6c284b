"""A whole study: trainings, texts, an arena, one report; stages that go on where they stopped."""
