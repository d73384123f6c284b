"""Leaderboards: boards, published tables and their audit, nulls, submissions, pages."""
