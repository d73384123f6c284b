"""`harness lm-eval-tasks`: where our tasks for plain lm-eval lie."""

from __future__ import annotations

import click

from harness.bundled import PACKAGE
from harness.cli.main import Command


@click.command("lm-eval-tasks", cls=Command)
def lm_eval_tasks() -> None:
    """Print the folder of tasks for EleutherAI's lm_eval, and nothing else.

    \b
    lm_eval run --include_path "$(harness lm-eval-tasks)" --tasks harness_wpb_zh \\
        --model hf --model_args pretrained=PATH,softmax_dtype=float32

    Preference by likelihood, a group with a row a genre: harness_wpb_zh, harness_wpb_en,
    harness_demo_zh, harness_demo_en. Writing, measured: harness_coig_writer_zh,
    harness_coig_writer_en, harness_demo_writing_zh, harness_demo_writing_en.

    The tasks render the chat template of pretrained= (or tokenizer=) themselves, end-of-turn
    token included: leave --apply_chat_template out, and the numbers are those of
    `harness run --model likelihood:PATH,norm=sum`. A file of your own goes in by
    --metadata '{"data": {"harness_wpb_zh": "FILE"}}'.
    """
    click.echo(PACKAGE / "lm_eval_tasks")
