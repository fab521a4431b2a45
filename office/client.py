"""The portal as the office sees it: its public HTTP API, and nothing else."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import httpx2
from flask_babel import gettext as _

from portal.config import Settings
from portal.errors import Misconfigured, PortalError, Unavailable

TIMEOUT = httpx2.Timeout(60, connect=5)  # seconds; a batch is answered after all of it is read
TOKEN_SPARE = 30  # seconds before its end at which a token is no longer used
UNAUTHORIZED = 401
OURS_TO_MEND = range(400, 500)
NDJSON = "application/x-ndjson"


class Refused(PortalError):
    """The portal did not take a whole call."""

    code = "portal_refused"


@dataclass(slots=True)
class Portal:
    """Calls with a bearer token that is fetched, kept and renewed by itself. Use ``with``."""

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    _token: str = field(default="", repr=False)
    _good_until: float = 0.0
    _http: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=TIMEOUT), repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The portal of the settings; raises Misconfigured when the office has no client."""
        if not (settings.office_client_id and settings.office_client_secret):
            raise Misconfigured(
                _("To reach the portal, set QUITT_OFFICE_CLIENT_ID and QUITT_OFFICE_CLIENT_SECRET.")
            )
        url = settings.office_portal_url.rstrip("/")
        return cls(url, settings.office_client_id, settings.office_client_secret)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.close()

    def push(self, requests: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Push payment requests; the answers come one a line, in order, as the portal gives them.

        Raises Unavailable when the portal breaks off; what was answered until then counts.
        """
        body = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in requests).encode()
        try:
            with self._answered("POST", "/payment-requests", content=body) as answer:
                for line in answer.iter_lines():
                    if line:
                        yield json.loads(line)
        except (httpx2.HTTPError, ValueError) as error:
            raise self._broke_off(error) from None

    def events(self, after: int, limit: int) -> list[dict[str, Any]]:
        """The next events of the feed behind position ``after``; none at its end."""
        query = {"after": str(after), "limit": str(limit)}
        try:
            with self._answered("GET", "/events", params=query) as answer:
                return list(json.loads(answer.read())["events"])
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
            raise self._broke_off(error) from None

    def _broke_off(self, error: Exception) -> Unavailable:
        name = type(error).__name__
        return Unavailable(
            _("The portal at %(url)s broke off: %(error)s.", url=self.url, error=name)
        )

    def _answered(self, method: str, path: str, **options: Any) -> "_Streamed":
        """Send with a token; a token that the portal no longer knows is renewed once."""
        answer = self._send(method, path, **options)
        if answer.status_code == UNAUTHORIZED:
            answer.close()
            self._good_until = 0
            answer = self._send(method, path, **options)
        return _Streamed(answer)

    def _send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self._bearer()}", "Content-Type": NDJSON}
        call = self._http.build_request(
            method, f"{self.url}/api/v1{path}", headers=headers, **options
        )
        return self._http.send(call, stream=True)

    def _bearer(self) -> str:
        if time.monotonic() >= self._good_until:
            with _Streamed(self._ask_for_token()) as answer:
                grant = json.loads(answer.read())
            self._token = str(grant["access_token"])
            self._good_until = time.monotonic() + int(grant["expires_in"]) - TOKEN_SPARE
        return self._token

    def _ask_for_token(self) -> httpx2.Response:
        call = self._http.build_request(
            "POST", f"{self.url}/api/v1/oauth/token", data={"grant_type": "client_credentials"}
        )
        auth = httpx2.BasicAuth(self.client_id, self.client_secret)
        return self._http.send(call, auth=auth, stream=True)


@dataclass(slots=True)
class _Streamed:
    """An answer that is closed in the end, and good: else Refused or Unavailable is raised."""

    answer: httpx2.Response

    def __enter__(self) -> httpx2.Response:
        if self.answer.is_success:
            return self.answer
        self.answer.read()  # to its end, which also closes it
        status, code = self.answer.status_code, _problem_code(self.answer)
        if status in OURS_TO_MEND:
            answer = f"{status} {code}".rstrip()
            raise Refused(_("The portal refused the call: %(answer)s.", answer=answer))
        raise Unavailable(_("The portal answered %(status)s.", status=status))

    def __exit__(self, *_error: object) -> None:
        self.answer.close()


def _problem_code(answer: httpx2.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        return ""
    return (
        str(problem.get("code") or problem.get("error") or "") if isinstance(problem, dict) else ""
    )
