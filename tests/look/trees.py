"""The accessibility tree of a page, as text: what a screen reader reads out, in its order."""

from collections.abc import Iterator, Mapping
from typing import Any

from playwright.sync_api import Page

Node = Mapping[str, Any]

SILENT = {"generic", "none", "InlineTextBox", "LineBreak", "ListMarker", "LayoutTableRow"}
NAMED_BY_WORDS = {
    "heading",
    "link",
    "button",
    "cell",
    "columnheader",
    "rowheader",
    "term",
    "Legend",
}
TOLD = ("level", "invalid", "required", "checked", "expanded", "live", "focused")


def read(page: Page) -> str:
    """The tree of the page as it stands, a node a line, indented by its depth."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("Accessibility.enable")
    nodes = cdp.send("Accessibility.getFullAXTree")["nodes"]
    cdp.detach()
    known = {node["nodeId"]: node for node in nodes}
    return "\n".join(_lines(nodes[0], known, 0)) + "\n"


def _lines(node: Node, known: Mapping[str, Node], depth: int) -> Iterator[str]:
    silent = _is_silent(node, known)
    if not silent:
        yield "  " * depth + _line(node)
    for child in node.get("childIds", []):
        if child in known:
            yield from _lines(known[child], known, depth + (not silent))


def _is_silent(node: Node, known: Mapping[str, Node]) -> bool:
    if node.get("ignored") or _said(node, "role") in SILENT:
        return True
    above = known.get(node.get("parentId", ""), {})
    says_the_same = _said(node, "name") == _said(above, "name")
    return _said(node, "role") == "StaticText" and says_the_same and _is_named_by_words(above)


def _is_named_by_words(node: Node) -> bool:
    return _said(node, "role") in NAMED_BY_WORDS


def _line(node: Node) -> str:
    words = [_said(node, "role")]
    if name := _said(node, "name"):
        words.append(f"“{name}”")
    if value := _said(node, "value"):
        words.append(f"= {value}")
    if description := _said(node, "description"):
        words.append(f"({description})")
    given = {each["name"]: each["value"].get("value") for each in node.get("properties", [])}
    told = [
        f"{name} {given[name]}" for name in TOLD if given.get(name) not in {None, False, "false"}
    ]
    return " ".join([*words, *(f"[{one}]" for one in told)])


def _said(node: Node, what: str) -> str:
    return str(node.get(what, {}).get("value", "") or "")
