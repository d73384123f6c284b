"""The parts of `harness bench all`: their commands, and what is said of each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """A command of `harness bench`; `full` and `short` are its flags in earnest and to try it."""

    name: str
    title: str
    about: str
    full: str = ""
    short: str = ""
    takes_data: bool = False

    def flags(self, quick: bool) -> tuple[str, ...]:
        """What stands behind `harness bench`."""
        return (self.name, *(self.short if quick else self.full).split())


PARTS = (
    Part(
        "scoring",
        "Reward scoring",
        "A randomly initialised classifier scores pairs of real lengths: in the order of the "
        "file, a fixed batch, chosen and rejected in forwards of their own, as is usual; one text "
        "at a time; sorted and padded; packed, which is what `harness run` does. All ways give the "
        "same scores up to the last column. Goal: four times the usual way.",
        "--pairs 32",
        "--shape tiny --pairs 2",
        takes_data=True,
    ),
    Part(
        "scoring",
        "Reward scoring in bfloat16",
        "The same in bfloat16; only processors with instructions for it gain by it.",
        "--dtype bfloat16 --pairs 32",
        "--dtype bfloat16 --shape tiny --pairs 2",
        takes_data=True,
    ),
    Part(
        "likelihood",
        "Likelihoods",
        "The log-likelihood of both texts of each pair under a causal language model, by "
        "`likelihood:` and by lm-eval's `hf` back-end, each in a process of its own.",
        "--pairs 4",
        "--shape tiny --pairs 1",
        takes_data=True,
    ),
    Part(
        "peers",
        "The peers themselves",
        "The same checkpoint and the same pairs through `harness run` and through the programs of "
        "others, each in an environment of its own, which `make bench-peers` makes.",
        "--pairs 16",
        "--shape tiny --pairs 2",
        takes_data=True,
    ),
    Part(
        "judging",
        "Calls to a server",
        "The calls of a pairwise judge, both orders, to a server on this machine that answers "
        "after a fixed time: a bare client, the harness from the first request to the last "
        "verdict on disk, lm-eval, and the whole command with its start, data and results. Goals: "
        "within 5 % of the ideal with 1 call in flight, 10 % with 16, 25 % with 128.",
        "",
        "--latency 0.05 --num_concurrent 4 --calls 8",
        takes_data=True,
    ),
    Part(
        "judging",
        "Memory of many calls",
        "Peak memory of `harness run` over its number of calls: of the same pairs asked again and "
        "again, and of more pairs. Goal: flat in the number of calls.",
        "--growth",
        "--growth --calls 200 --latency 0.01",
        takes_data=True,
    ),
    Part(
        "diversity",
        "Measures of Chinese texts",
        "All measures of written texts beside the bare segmenter that they cannot do without.",
        "--chars 2000000",
        "--chars 20000 --processes 1",
        takes_data=True,
    ),
    Part(
        "diversity",
        "Measures of English texts",
        "The same of English texts, whose words a regular expression finds.",
        "--language en --chars 2000000",
        "--language en --chars 20000 --processes 1",
    ),
    Part(
        "report",
        "From verdicts to tables",
        "Run folders of made verdicts whose pairs share prompts as the published ones do: every "
        "number of results.json anew, with its bootstraps and permutations, and the tables that "
        "`harness report` prints. Goal: a million verdicts in under 10 s and 1 GB.",
        "",
        "--verdicts 1000",
    ),
    Part(
        "start",
        "Start",
        "Commands with next to nothing to do, beside Python itself and lm-eval. Goals: "
        "`harness --help` in 0.2 s, `harness ls tasks` in 0.3 s.",
        "",
        "--repeats 1 --no_lm_eval",
    ),
    Part(
        "growth",
        "Growth",
        "Time and memory at 1, 4, 16 and 64 times the work, and the power they grow with. An "
        "exponent of time near 1 is linear, one of memory near 0 is flat.",
        "--pairs 32768",
        "--pairs 1024 --only read",
    ),
)
