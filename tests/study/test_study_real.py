"""The paper's study on real rows and prompts, in tiny sizes: five models, both languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.study.run import run_study

LABELS = ["CW", "CW+1k", "CW+5k", "CW+10k", "G"]
GENERAL = {"coig_cw_1k": 2, "coig_cw_5k": 5, "coig_cw_10k": 10, "coig_general": 10}


def base(folder: Path) -> Path:
    """A random model of a few thousand weights with a tokenizer and a chat template."""
    torch = pytest.importorskip("torch", reason="needs the extra hf")
    pytest.importorskip("trl", reason="needs the extra train")
    from tiny import byte_tokenizer, tiny_config, transformers

    torch.manual_seed(0)
    config = tiny_config("qwen2", max_position_embeddings=4096, hidden_size=32, num_hidden_layers=1)
    transformers.Qwen2ForCausalLM._from_config(config).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def best_texts(pool: Path, file: Path) -> Path:
    """For each prompt of the pool the text that people scored best, as a row without a thought."""
    best: dict[str, dict[str, str]] = {}
    scores: dict[str, float] = {}
    for line in pool.read_text(encoding="utf-8").split("\n")[:-1]:
        row = json.loads(line)
        key = row["prompt_id"]
        if row["score"] is not None and row["score"] > scores.get(key, -1):
            scores[key] = row["score"]
            best[key] = {"query": row["prompt"], "answer": row["response"]}
    lines = [json.dumps(row, ensure_ascii=False) for row in best.values()]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_five_models_both_languages_and_every_table(shared_data: Path, tmp_path: Path) -> None:
    pool = best_texts(shared_data / "wpb_pool_zh_dev.jsonl", tmp_path / "creative.jsonl")
    rows = [
        f"{recipe}.data.{source}.n={n}"
        for recipe, n in GENERAL.items()
        for source in ("general_zh", "general_en")
    ]
    overrides = [
        f"base={base(tmp_path / 'base')}", f"data.creative.file={pool}",
        f"data.general_zh.file={shared_data / 'general_zh.jsonl'}",
        f"data.general_en.file={shared_data / 'general_en.jsonl'}", "data.creative.n=8", *rows,
        "data.general_zh.eval_n=0", "data.general_en.eval_n=0", "over_long=truncate",
        "contamination=none", "near_duplicates=null", "max_length=512", "max_steps=2",
        "global_batch_size=2", "gradient_checkpointing=false", "limit=1",
        f"task_data.coig_writer_zh={shared_data / 'wpb_pairs_zh_dev.jsonl'}",
        f"task_data.coig_writer_en={shared_data / 'creative_pairs_en_dev.jsonl'}",
        "writing.gen_kwargs=max_tokens=12", "writing.flags={device: cpu, dtype: float32}",
        "judge.model=fake:hash",
    ]  # fmt: skip
    done = run_study("coig_writer", output_path=tmp_path / "out", overrides=overrides)
    assert len(done.ran) == 11
    assert list(done.results["trainings"]) == LABELS
    drawn = [
        [one["mixture"]["sources"][name]["n"] for name in ("creative", "general_zh", "general_en")]
        for one in done.results["trainings"].values()
    ]
    assert drawn == [[8, 0, 0], [8, 2, 2], [8, 5, 5], [8, 10, 10], [0, 10, 10]]
    for task, language in (("coig_writer_zh", "zh"), ("coig_writer_en", "en")):
        assert {run["metrics"]["texts"] for run in done.results["texts"][task].values()} == {1}
        for title in (f"Win rates in {language} (ours)", f"Win rates in {language} (paper)",
                      f"{task}: length", f"{task}: diversity", f"{task}: what went wrong"):  # fmt: skip
            table = done.report.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
            assert [line.split("|")[1].strip() for line in table.splitlines() if "|" in line][
                2:
            ] == LABELS
    assert "74.0 [67.6, 79.6]" in done.report, "the paper's CW+10k against CW in Chinese"
    gaps = done.report.split("## The gap between the languages\n", 1)[1]
    assert "+16.3" in gaps.split("\n## ", 1)[0]
    assert "coig_writer_zh has 1 prompt, the paper 204" in done.report
    assert str(tmp_path) not in done.report
