"""The evaluation harness for creative writing.

`harness run --tasks wpb_zh,wpb_en --model PATH` on the command line; `harness.evaluate(model,
tokenizer, task)` inside a training loop.
"""

from harness.api import evaluate

__all__ = ["evaluate"]
