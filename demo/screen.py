"""What the demo says in the terminal. Addresses are never wrapped or cut: they are to be copied."""

import contextlib
import io
import sys

import segno
from rich.console import Console
from rich.markup import escape

from demo import clerk
from demo.stage import Stage
from portal.money import Money

_console = Console(highlight=False, soft_wrap=True)
LABEL = 20  # characters
FAKES = {"stripe": "Stripe", "paypal": "PayPal", "girocheckout": "GiroCheckout"}


def say(text: str) -> None:
    """One line of what is going on."""
    _print(f"[green]•[/] {escape(text)}")


def fail(text: str) -> None:
    """Why it does not go on, and what to do."""
    _print(f"[bold red]✗[/] {escape(text)}")


def show(stage: Stage) -> None:
    """Everything is ready: a letter to try, and where the rest is."""
    place, letter = stage.place, stage.letter
    _print("")
    _print(_qr(letter["url"]))
    _heading("A citizen's letter: scan the code, or open the link, and enter the TAN")
    _line("Link", letter["url"])
    _line("TAN", _blocks(letter["tan"]))
    _line("Amount", _euros(letter["amount_cents"]))
    _line("By typing", f"{letter['short_code']} at {place.portal}/")
    _heading("Another one, due in instalments")
    _line("Link", stage.plan["url"])
    _line("TAN", _blocks(stage.plan["tan"]))
    _heading("The town hall: its staff")
    _line("Administration", f"{place.portal}/admin/")
    clerk_ = next(one for one in stage.staff if one["role"] == "clerk")
    _line("Clerk", f"{clerk_['user']}, password {clerk_['password']}")
    _line("Code", f"{place.again} code {clerk_['user']} (instead of an authenticator app)")
    _line("Other roles", f"{place.facts}, under staff")
    _heading("The town hall: its finance system")
    _line("Office", f"{stage.office_door} (opens once)")
    _line("Letters", f"{place.letters}/{_printing(stage)}")
    _line("API", f"{place.portal}/api/v1/docs")
    _heading("Behind the scenes")
    _line("Practice provider", f"{place.sandbox_here}/ (pays out at the press of a button)")
    for name, fake in stage.fakes.items():
        _line(f"{FAKES[name]}'s fake", f"{fake['exercises']} (books: {fake['books']})")
    _line("All links and TANs", str(place.facts))
    _line("Logs", f"{stage.crew.logs}/")
    _print("\n[bold green]Ready to pay.[/] Ctrl-C ends everything.\n")


def _printing(stage: Stage) -> str:
    return "" if clerk.has_printed(stage.place.letters) else " (being printed)"


def _heading(text: str) -> None:
    _print(f"\n[bold]{escape(text)}[/]")


def _line(label: str, value: str) -> None:
    _print(f"  [dim]{label:<{LABEL}}[/]{escape(value)}")


def _blocks(tan: str) -> str:
    return f"{tan[:4]} {tan[4:]}"


def _euros(cents: int) -> str:
    money = Money(cents)
    return f"{money.cents // 100:,}.{money.cents % 100:02} EUR"


def _qr(url: str) -> str:
    """In half blocks, light on dark; a terminal is told so, whatever its own colours are."""
    drawn = io.StringIO()
    segno.make(url.upper(), error="m").terminal(drawn, compact=True, border=2)
    lines = drawn.getvalue().strip("\n").split("\n")
    return "\n".join(f"[bright_white on black]{escape(line)}[/]" for line in lines)


def _print(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone; the demo need not be
        _console.print(text)


if isinstance(sys.stdout, io.TextIOWrapper):
    sys.stdout.reconfigure(errors="replace")  # a terminal without UTF-8
