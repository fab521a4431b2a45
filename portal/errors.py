"""The one family of errors that a person or another system may see."""


class PortalError(Exception):
    """Base of all errors that we expect.

    ``code`` is part of the API and never renamed; ``status`` is the HTTP status an edge answers.
    The message is written for whoever can mend it and holds nothing secret.
    """

    code = "error"
    status = 500


class NotFound(PortalError):
    """What is not there, or may not be seen: both answer alike."""

    code = "not_found"
    status = 404


class Conflict(PortalError):
    """What was asked does not fit what is."""

    code = "conflict"
    status = 409


class Invalid(PortalError):
    """A value that cannot be taken."""

    code = "invalid"
    status = 422


class Locked(PortalError):
    """Too many wrong tries."""

    code = "locked"
    status = 429


class Unavailable(PortalError):
    """Something we need does not answer just now."""

    code = "unavailable"
    status = 503


class LostRace(PortalError):
    """Someone was faster, again and again. Not acknowledged: whoever asked will repeat himself."""

    code = "lost_race"
    status = 500


class Misconfigured(PortalError):
    """A setting is missing or wrong. The message names it and says what to do."""

    code = "misconfigured"
