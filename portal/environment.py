"""Reading settings from environment variables, each by its type; faults name the setting.

A setting is a dataclass field with ``variable``, ``purpose``, ``may_be`` and ``secret`` in its
metadata, as ``portal.config`` makes them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import Field
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

PREFIX = "QUITT_"
_TRUE = {"1", "yes", "true", "on"}
_FALSE = {"", "0", "no", "false", "off"}


def read(
    settings: Iterable[Field[Any]], env: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """The values by the names of their fields, and every fault, each beginning with its variable.

    A variable of ours that is no setting is a fault, too: a slip of the pen must not go unseen.
    """
    known = {setting.metadata["variable"]: setting for setting in settings}
    faults = [
        _stranger(variable, known)
        for variable in sorted(env)
        if variable not in known and variable.startswith(PREFIX)
    ]
    values: dict[str, Any] = {}
    for variable in known.keys() & env.keys():
        try:
            values[known[variable].name] = _read(known[variable], env[variable])
        except ValueError as error:
            faults.append(f"{variable} {error}")
    return values, faults


def is_off(text: str) -> bool:
    """Whether a switch is off: unset, or one of the words for no."""
    return text.lower() in _FALSE


def _stranger(variable: str, known: Mapping[str, object]) -> str:
    meant = get_close_matches(variable, known, 1, 0.75)
    guess = f"did you mean {meant[0]}?" if meant else "see the table in README.md, or unset it."
    return f"{variable} is not a setting: {guess}"


def _read(setting: Field[Any], text: str) -> Any:
    """The value; raises ``ValueError`` with what is wrong, which never quotes a secret."""
    text = text.strip()
    quoted = "what it is" if setting.metadata["secret"] else repr(text)
    hint = f"cannot be {quoted}. {setting.metadata['purpose']}"
    try:
        value = _READERS[setting.type](text)
        right = setting.metadata["may_be"](value)
    except ValueError:
        raise ValueError(hint) from None
    if not right:
        raise ValueError(hint)
    return value


def _yes_or_no(text: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        raise ValueError(text)
    return text.lower() in _TRUE


def _folder(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(each.strip()) for each in text.split(",") if each.strip())


_READERS: Mapping[Any, Any] = {
    str: str,
    int: int,
    int | None: lambda text: int(text) if text else None,
    bool: _yes_or_no,
    Path: _folder,
    Path | None: lambda text: _folder(text) if text else None,
    tuple[IPv4Network | IPv6Network, ...]: _networks,
}
