"""The page of a view: one HTML file, no network, no script but its own."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from harness.reports.text import plain
from harness.viewer.items import View
from harness.viewer.pack import pack

TEMPLATES = Path(__file__).resolve().parent / "templates"
SCRIPTS = ("parts.js", "show.js", "list.js", "main.js")  # one script, in this order


def render(view: View) -> str:
    """The page as text of HTML; the same view gives the same bytes.

    What came from models or strangers stands in packed parts that the script unpacks and shows as
    text, or goes through the template's escaping.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = "\n" + "".join(_read(name) for name in SCRIPTS)
    style = "\n" + _read("view.css")
    policy = (
        f"default-src 'none'; script-src '{_sum(script)}'; style-src '{_sum(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    packed = pack(view)
    return environment.get_template("view.html.j2").render(
        title=plain(view.title),
        facts=[(name, plain(value)) for name, value in view.facts],
        notes=[plain(note) for note in view.notes],
        count=packed.count,
        noun=view.noun,
        policy=policy,
        script=Markup(script),  # ours, from the files above
        style=Markup(style),
        packed=packed,
    )


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _sum(text: str) -> str:
    """A source expression of a Content-Security-Policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
