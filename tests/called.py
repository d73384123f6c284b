"""Commands of click called in tests: what they print, or how they fail."""

from __future__ import annotations

from click.testing import CliRunner


def call(command, *arguments):
    """stdout of a call that must succeed."""
    answer = CliRunner().invoke(command, [str(a) for a in arguments], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def refusal(command, *arguments):
    """The error of a call that must fail."""
    answer = CliRunner().invoke(command, [str(a) for a in arguments])
    assert answer.exception is not None
    return answer.exception
