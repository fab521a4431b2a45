"""``quitt demo``: two towns, 200 letters, ready to pay."""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import click

from demo import settings
from demo.place import Place
from portal.errors import PortalError

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_told_to_leave = threading.Event()


@click.group(invoke_without_command=True)
@click.option("--fresh", is_flag=True, help="Begin anew: forget what was paid.")
@click.option("--lan", is_flag=True, help="Listen in the local network, so that a phone can scan.")
@click.option(
    "--providers",
    type=click.Choice(["sandbox", "fakes"]),
    default="sandbox",
    show_default=True,
    help="Who is paid: the practice provider, or fakes of Stripe, PayPal and GiroCheckout.",
)
@click.pass_context
def demo(context: click.Context, fresh: bool, lan: bool, providers: str) -> None:
    """Start the portal, its worker, the practice provider and the office, with two towns.

    PORT (8000) and QUITT_DATA (var/) choose ports and folder; the portal takes PORT, the practice
    provider and the office the two behind it, the fakes the third. A folder may be started with
    and without fakes by turns. With QUITT_TLS_CERTIFICATE and QUITT_TLS_KEY the
    portal speaks https.
    """
    if context.invoked_subcommand:
        return
    for number in SIGNALS:
        signal.signal(number, _leave)
    from demo import screen

    try:
        place = Place.chosen(os.environ, lan=lan, fakes=providers == "fakes")
        with place.take():
            _run(place, fresh=fresh)
    except PortalError as error:
        screen.fail(str(error))
        sys.exit(1)


@demo.command("run", context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(arguments: tuple[str, ...]) -> None:
    """Run a command of the portal on the demo's town: ./quitt demo run reconcile --rows."""
    place = Place.chosen(os.environ, lan=False)
    if not place.facts.exists():
        raise click.ClickException("no demo is running here; start one with: ./quitt demo")
    told = settings.environment(settings.of(place))
    os.execve(sys.executable, [sys.executable, "-m", "portal.cli", *arguments], told)  # noqa: S606


@demo.command("code")
@click.argument("login")
def code(login: str) -> None:
    """Say the code that LOGIN's authenticator app would show: ./quitt demo code clerk."""
    from demo import people
    from portal import clock

    place = Place.chosen(os.environ, lan=False)
    if not place.facts.exists():
        raise click.ClickException("no demo is running here; start one with: ./quitt demo")
    clock.move_by(settings.of(place).demo_clock)
    staff = json.loads(place.facts.read_text())["staff"]
    found = next((one for one in staff if one["user"] == login), None)
    if found is None:
        logins = ", ".join(one["user"] for one in staff)
        raise click.ClickException(f"nobody signs in as {login}; there are {logins}.")
    click.echo(people.code(found["totp_secret"]))


def _run(place: Place, *, fresh: bool) -> None:
    from demo import screen, stage  # Flask and the database take a second
    from portal import embedded

    if fresh:
        place.clear()
    settings.trust(place)
    cluster = embedded.start(place.data)
    found = stage.set_up(place, screen.say)
    try:
        screen.show(found)
        found.crew.watch(lambda: _look_after(place.data))
    finally:
        place.facts.unlink(missing_ok=True)
        screen.say("Ending")
        found.crew.end()
        embedded.stop(cluster)
        screen.say("Ended. ./quitt demo goes on from here, ./quitt demo --fresh begins anew.")


def _look_after(data: Path) -> None:
    """Start the database again, should it have died; leave, when we were told to."""
    from portal import embedded

    if _told_to_leave.is_set():
        sys.exit(0)
    embedded.start(data)


def _leave(_number: int, _frame: FrameType | None) -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # once is enough
    # Python swallows what is raised while it forks: the watch must see it, too.
    _told_to_leave.set()
    sys.exit(0)


if __name__ == "__main__":
    demo(prog_name="quitt demo")
