"""Reading the lists as a person does: following links, taking out files."""

import csv
import io
import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urlsplit

from flask.testing import FlaskClient

from tests.builders import token

Line = dict[str, str]


def first_column(text: str) -> list[str]:
    """What stands in the first cell of each row."""
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = re.findall(r"<tr>\s*<td[^>]*>(.*?)</td>", body, re.DOTALL)
    return [unescape(re.sub(r"<[^>]+>", "", row)).strip() for row in rows]


def pages(client: FlaskClient, url: str) -> Iterator[list[str]]:
    """The first column of a list, page by page, as ``Next page`` leads on."""
    while url:
        text = client.get(url).text
        yield first_column(text)
        found = re.search(r'<a href="([^"]+)" rel="next">', text)
        url = unescape(found[1]) if found else ""


def csv_of(client: FlaskClient, url: str) -> list[Line]:
    """The file of a list under the filters of its address."""
    answer = file_of(client, url, "csv")
    assert answer.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.decode("utf-8-sig")), delimiter=";"))


def file_of(client: FlaskClient, url: str, kind: str) -> bytes:
    """A list as a file, as its button asks for it; nothing where the list has no rows."""
    page = client.get(url)
    parts = urlsplit(url)
    path = f"{parts.path}/file?{parts.query}"
    told = {"format": kind, "csrf_token": token(page)}
    answer = client.post(path, data=told, buffered=True)
    assert answer.status_code == 200, answer.text
    return answer.data


def cents(written: str) -> int:
    """``-1234,50`` as cents."""
    return int(written.replace(",", ""))
