"""Citizens who pay over real HTTP, whatever falls over on the way: they simply try again."""

import random
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx2

from tests.stages import Demo

AT_ONCE = 8
PATIENCE = 240.0  # seconds until a citizen gives up
PAUSE = 0.25  # seconds before a citizen tries again
LABEL = "Wero"  # is offered for every amount

# What the payer does in each of his payments, and how often such people come by.
# fmt: off
HABITS: tuple[tuple[int, tuple[tuple[str, ...], ...]], ...] = (
    (70, (("pay",),)),
    (10, (("pend", "pay"),)),
    (6,  (("decline",), ("pay",))),
    (6,  (("cancel",), ("pay",))),
    (5,  ((), ("pay",))),  # leaves the first one open, and starts again
)
# The money of the first, cancelled payment comes all the same, after the second was paid.
LATE = (3, (("cancel",), ("pay",)))
# How the provider tells it.
TELLINGS = (
    (45, "send"), (15, "double"), (15, "lose"), (12, "before_previous"), (5, "forged"),
    (8, "late:2"),
)
# fmt: on
RETURNS = 0.5  # of the payers come back from the provider

T = TypeVar("T")


class Trouble(Exception):
    """Something that a citizen answers by trying again."""


@dataclass(slots=True)
class Progress:
    """How many have paid."""

    made: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def one_more(self) -> None:
        with self.lock:
            self.made += 1


def all_pay(demo: Demo, letters: list[dict[str, Any]], seed: int, progress: Progress) -> int:
    """Everyone pays; how often they had to try again."""
    offer = _offer(demo)

    def pays(number: int) -> int:
        citizen = Citizen(demo, letters[number], offer, random.Random(f"{seed}/{number}"))
        try:
            citizen.pays()
        finally:
            citizen.http.close()
        progress.one_more()
        return citizen.troubles

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="citizen") as pool:
        try:
            return sum(pool.map(pays, range(len(letters))))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _offer(demo: Demo) -> int:
    rows = demo.sql(
        "SELECT id FROM provider_rules WHERE tenant_id = %s AND label LIKE %s",
        demo.facts["tenant"],
        f"{LABEL}%",
    )
    return int(rows[0][0])


class Citizen:
    """Someone with a letter and a browser without scripts."""

    def __init__(
        self, demo: Demo, letter: dict[str, Any], offer: int, chance: random.Random
    ) -> None:
        self.demo, self.letter, self.offer, self.chance = demo, letter, offer, chance
        self.http = demo.client()
        self.handle = self.csrf = ""
        self.over: set[str] = set()  # payments that he knows to be over
        self.troubles = 0
        self.gives_up = time.monotonic() + PATIENCE

    def pays(self) -> None:
        """Pay the letter, by this citizen's habit."""
        weights = [weight for weight, _ in (*HABITS, LATE)]
        habit = self.chance.choices((*HABITS, LATE), weights)[0]
        payments = [self._makes(verbs) for verbs in habit[1]]
        if habit is LATE:
            self._let_happen(payments[0], "pay")

    def _makes(self, verbs: tuple[str, ...]) -> str:
        """One payment, as far as ``verbs`` go; its id."""
        payment = self._again_and_again(lambda: self._begins(verbs))
        for verb in verbs[1:]:
            self._let_happen(payment, verb)
        self.over.add(payment)
        if self.chance.random() < RETURNS:
            self._tries(lambda: self._get(f"/return/{payment}"))
        return payment

    def _begins(self, verbs: tuple[str, ...]) -> str:
        """Begin a payment and do the first of ``verbs`` at the provider."""
        if not self.handle:
            self._opens()
        payment = self._chooses()
        if verbs and not self._let_happen(payment, verbs[0]):
            self._post(f"{self.handle}/restart/{payment}", {})  # the provider never heard of it
            raise Trouble(payment)
        return payment

    def _opens(self) -> None:
        handle = _to(self._get(self.letter["url"], 303))
        page = self._get(handle)
        if page.status_code == 303:  # without a TAN: at once behind it
            page = self._get(f"{handle}choice")
        found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert found, page.text
        self.csrf = found[1]
        if self.letter["tan"]:
            _to(self._post(f"{handle}tan", {"tan": self.letter["tan"]}))
        self.handle = handle.rstrip("/")

    def _chooses(self) -> str:
        asked = {"version": 1, "amount_cents": self.letter["amount_cents"], "offer": self.offer}
        led = _to(self._post(f"{self.handle}/pay", asked))
        if found := re.search(r"/leaving/(\w+)$", led):
            return found[1]
        page = self._get(led)
        if page.status_code == 303:
            raise Trouble("is being confirmed")
        if not led.startswith(self.handle):
            self.handle = ""
            raise Trouble("the visit is over")
        return self._goes_on(page.text)

    def _goes_on(self, page: str) -> str:
        """A payment was begun already: this citizen's own, of which the answer was lost."""
        found = re.search(r"/restart/(\w+)", page)
        going = re.search(r"/go-on/(\w+)", page)
        if going and going[1] not in self.over:
            return going[1]
        assert "already_paid" not in page, "asked to pay what is paid"
        if found:
            self._post(f"{self.handle}/restart/{found[1]}", {})
        raise Trouble("starts again")

    def _let_happen(self, payment: str, verb: str) -> bool:
        """What the payer does there; whether the provider knows the payment."""
        weights = [weight for weight, _ in TELLINGS]
        way = self.chance.choices(TELLINGS, weights)[0][1]
        url = f"{self.demo.facts['sandbox']}/test/payments/{payment}/{verb}"
        answer = self.http.post(url, json={"webhook": way})
        assert answer.status_code in {200, 404}, (verb, answer.text)
        return answer.status_code == 200

    def _again_and_again(self, act: Callable[[], T]) -> T:
        while True:
            try:
                return act()
            except (httpx2.HTTPError, Trouble):
                assert time.monotonic() < self.gives_up, f"{self.letter['reference']} gives up"
                self.troubles += 1
                time.sleep(PAUSE)

    def _tries(self, act: Callable[[], object]) -> None:
        try:
            act()
        except (httpx2.HTTPError, Trouble):
            self.troubles += 1

    def _get(self, path: str, status: int = 0) -> httpx2.Response:
        return _sound(self.http.get(self._url(path)), status)

    def _post(self, path: str, fields: dict[str, Any]) -> httpx2.Response:
        told = {"csrf_token": self.csrf, **fields}
        return _sound(self.http.post(self._url(path), data=told), 303)

    def _url(self, path: str) -> str:
        return path if path.startswith("http") else self.demo.facts["portal"] + path


def _to(answer: httpx2.Response) -> str:
    return str(answer.headers["location"])


def _sound(answer: httpx2.Response, status: int) -> httpx2.Response:
    if answer.status_code >= 500:
        raise Trouble(str(answer.status_code))
    assert answer.status_code == (status or answer.status_code), answer.text
    return answer
