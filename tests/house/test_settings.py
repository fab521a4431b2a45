"""The settings are the table in the README, and the program asks for nothing else."""

import ast
import re
from dataclasses import fields
from pathlib import Path

from portal.config import Settings

ROOT = Path(__file__).resolve().parents[2]
VARIABLES = {field.metadata["variable"] for field in fields(Settings)}


def test_every_setting_has_a_variable_of_its_own_and_a_purpose() -> None:
    assert len(VARIABLES) == len(fields(Settings))
    for field in fields(Settings):
        assert re.fullmatch("PORT|QUITT_[A-Z_]+", field.metadata["variable"])
        assert field.metadata["purpose"].endswith(".")


def test_the_readme_names_every_setting() -> None:
    readme = ROOT / "README.md"
    named = set(re.findall(r"`(PORT|QUITT_[A-Z_]+)`", readme.read_text(encoding="utf-8")))
    assert named >= VARIABLES, sorted(VARIABLES - named)


def test_only_the_settings_read_the_environment() -> None:
    # What starts other processes hands an environment on; it decides nothing by it.
    may = {
        "portal/config.py", "portal/cli.py", "portal/embedded_processes.py",
        "portal/embedded_server.py", "portal/operating/programs.py", "office/cli.py",
    }  # fmt: skip
    for wing in ("portal", "office"):
        for path in (ROOT / wing).rglob("*.py"):
            reads = {
                node.attr
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
            }
            name = path.relative_to(ROOT).as_posix()
            assert not reads or name in may, f"{name} reads {reads}"
