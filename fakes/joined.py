"""Which fakes this process plays: one line each."""

from fakes.fake import Fake


def everyone() -> tuple[Fake, ...]:
    """All fakes, anew for each application."""
    return ()
