"""Where a thing has its page, for those who name it on another."""

from urllib.parse import quote

from portal.admin.doors import PREFIX


def request_page(reference: str) -> str:
    """The page of one request."""
    return f"{PREFIX}/requests/{quote(reference, safe='')}"
