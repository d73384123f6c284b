"""A plot's SVG made a part of a page: no style attribute, no address, the page's own colours."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from harness.leaderboard.plots import COLOURS, DIM, INK, LINE

_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_VARIABLES = {
    INK: "var(--ink)",
    DIM: "var(--dim)",
    LINE: "var(--line)",
    **{colour: f"var(--{kind})" for kind, colour in COLOURS.items()},
}
_DROPPED = ("metadata", "style", "title", "script")
_SIZE = re.compile(r"(?:^|\s)(\d+(?:\.\d+)?)px")
_PAINT = ("fill", "stroke")


def inlined(svg: bytes, *, label: str, prefix: str) -> str:
    """The SVG as text for the body of an HTML page, read out as `label`.

    The pages' policy forbids style attributes, so each becomes presentation attributes; ids get a
    prefix, as several plots share a page.
    """
    root = ElementTree.fromstring(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.removeprefix(_SVG) in _DROPPED:
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        if element.tag in ("path", "use", "text", "g"):
            _restyle(element)
        _reidentify(element, prefix)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-label", label)
    root.set("class", "plot")
    _, _, width, _ = root.get("viewBox", "0 0 0 0").split()
    root.set("width", width)  # never wider than it was drawn; the style makes it shrink
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)


def _restyle(element: ElementTree.Element) -> None:
    for declaration in element.attrib.pop("style", "").split(";"):
        name, colon, value = declaration.partition(":")
        name, value = name.strip(), value.strip()
        if not colon:
            continue
        if name in ("font", "font-size"):
            size = _SIZE.search(value)
            element.set("font-size", size.group(1) if size else "9")
        elif name.startswith("font"):
            continue  # the page's own fonts
        else:
            element.set(name, value)
    for name in _PAINT:
        if name in element.attrib:
            value = element.attrib[name]
            element.set(name, _VARIABLES.get(value.lower(), value))


def _reidentify(element: ElementTree.Element, prefix: str) -> None:
    if "id" in element.attrib:
        element.set("id", f"{prefix}-{element.attrib['id']}")
    link = element.attrib.pop(_LINK, None)
    if link is not None:
        element.set("href", f"#{prefix}-{link.removeprefix('#')}")
    clip = element.attrib.get("clip-path")
    if clip is not None:
        element.set("clip-path", clip.replace("url(#", f"url(#{prefix}-"))
