"""The errors a user can mend; everything else is a bug and keeps its traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HarnessError(Exception):
    """The run failed or a check did not hold (exit code 1).

    The message is complete: it names the file, field or flag and the way out.
    """

    exit_code = 1


class UsageError(HarnessError):
    """Wrong use: an unknown name, flag, key or value (exit code 2)."""

    exit_code = 2


class DataError(HarnessError):
    """A file of data, texts or results is not what it should be."""


class ModelError(HarnessError):
    """A checkpoint cannot be used the way it was asked to be."""


class TextsTooLong(ModelError):
    """Texts do not fit the context; `ids` are those of the candidates, longest or not."""

    def __init__(
        self, *, ids: tuple[str, ...], of: int, limit: int, longest: int, begins: str
    ) -> None:
        super().__init__(
            f"{len(ids)} of {of} texts are longer than the model's {limit} tokens (the longest "
            f"has {longest}; its text begins {begins!r}); --truncate left keeps the end of the "
            "text, --truncate right its beginning, and both are counted; --max_length sets the "
            "limit"
        )
        self.ids, self.of, self.limit = ids, of, limit
        self.longest, self.begins = longest, begins

    def and_more(self, other: TextsTooLong) -> TextsTooLong:
        """This and another part of the same texts."""
        worst = max(self, other, key=lambda error: error.longest)
        return TextsTooLong(
            ids=self.ids + other.ids,
            of=self.of + other.of,
            limit=self.limit,
            longest=worst.longest,
            begins=worst.begins,
        )

    def of_all(self, of: int) -> TextsTooLong:
        """The same, told of a larger number of texts."""
        return TextsTooLong(
            ids=self.ids, of=of, limit=self.limit, longest=self.longest, begins=self.begins
        )


class MissingExtra(UsageError):
    """A feature needs an optional part of the installation."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} needs an extra: pip install "writing-harness[{extra}]"')


class RunBusy(HarnessError):
    """Another process holds the run folder."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """One line for a name that does not exist, with the nearest one that does."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else "known: " + ", ".join(names)
    return f"unknown {kind} {name!r}: {hint}"
