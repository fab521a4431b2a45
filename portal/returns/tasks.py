"""Jobs of the returns room."""

from flask import current_app

from portal import clock, jobs
from portal.approvals import ending
from portal.returns import assigning, closing, looked_up, proposing, sending


@jobs.every("* * * * * */30", "returns.send")
def send_refunds() -> None:
    """Send what was approved, tell again what is not decided, end what nobody approved."""
    sending.go_on(current_app.extensions["keyring"])
    closing.run_out()
    ending.run_out(frozenset({assigning.ACT, looked_up.MADE, looked_up.NOT_MADE}))


@jobs.every("* * * * *", "returns.propose")
def propose_refunds() -> None:
    """Propose that surplus goes back, and end what was decided otherwise."""
    proposing.look(clock.now().minute)
