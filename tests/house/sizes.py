"""What has grown larger than the house likes: told after a run, never a failure."""

import ast
from collections.abc import Iterator
from pathlib import Path

LONGEST_FILE = 300  # lines
LONGEST_FUNCTION = 40


def large(source: str) -> Iterator[str]:
    """What is too long in a module, in words."""
    lines = len(source.splitlines())
    if lines >= LONGEST_FILE:
        yield f"{lines} lines"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length >= LONGEST_FUNCTION:
                yield f"{node.name} has {length}"


def report(house: Path, rooms: tuple[str, ...]) -> Iterator[str]:
    """One line for each file of these folders that holds something large."""
    for room in rooms:
        for file in sorted((house / room).rglob("*.py")):
            if found := list(large(file.read_text("utf-8"))):
                yield f"{file.relative_to(house)}: {', '.join(found)}"
