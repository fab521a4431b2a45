"""``quitt demo``: two towns, 200 letters, ready to pay."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

import click
import segno
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from demo import stage
from portal import embedded
from portal.errors import PortalError

console = Console(highlight=False, soft_wrap=True)


@click.command()
@click.option("--fresh", is_flag=True, help="Begin anew: forget what was paid.")
@click.option("--lan", is_flag=True, help="Listen in the local network, so that a phone can scan.")
def main(fresh: bool, lan: bool) -> None:
    """Start portal, worker, practice provider and office with two invented towns."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave)
    data = Path(os.environ.get("QUITT_DATA", "var")).expanduser().absolute()
    port = int(os.environ.get("PORT", "8000"))
    try:
        found = stage.set_up(data, port, fresh=fresh, lan=lan, say=_say)
    except PortalError as error:
        console.print(f"[bold red]✗[/] {error}")
        sys.exit(1)
    try:
        _show(found)
        found.crew.watch(lambda: _keep_database(data))
    finally:
        console.print("\nStopping …")
        found.crew.end()
        console.print("Stopped. Start again with ./quitt demo; it goes on where it was.")


def _leave(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # once is enough
    sys.exit(0)


def _keep_database(data: Path) -> None:
    embedded.start(data)


def _say(step: str) -> None:
    console.print(f"[green]•[/] {step}")


def _show(found: stage.Stage) -> None:
    letter = next(r for r in found.facts["requests"] if r["tan"] and r["amount_cents"] < 80_000)
    console.print()
    segno.make(letter["url"].upper(), error="m").terminal(compact=True, border=2)
    table = Table.grid(padding=(0, 2))
    rows = (
        ("Link", letter["url"]),
        ("Code", f"{letter['short_code']}  (type it at {found.facts['portal']}/)"),
        ("TAN", f"{letter['tan'][:4]} {letter['tan'][4:]}"),
        ("Amount", f"{letter['amount_cents'] / 100:.2f} EUR"),
    )
    for name, value in rows:
        table.add_row(f"[dim]{name}[/]", value)
    console.print(Panel(table, title="A citizen's letter: scan the code or open the link", expand=False))
    table = Table.grid(padding=(0, 2))
    rows = (
        ("Office", found.office_url),
        ("Practice provider", f"{found.facts['sandbox']}/  (pay-outs: press “settle” there)"),
        ("Letters", f"{found.letters}/  (being printed, half a minute)"),
        ("API", f"{found.facts['portal']}/api/v1/docs"),
        ("All links, TANs, access", str(found.settings.data / "demo.json")),
        ("Logs", str(found.settings.data / "logs")),
    )
    for name, value in rows:
        table.add_row(f"[dim]{name}[/]", value)
    console.print(table)
    console.print("\n[bold green]Ready to pay.[/] Ctrl-C stops everything.")


if __name__ == "__main__":
    main()
