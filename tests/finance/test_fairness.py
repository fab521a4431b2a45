"""One slow or broken town never delays another."""

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from portal.db import db, transaction
from portal.finance import delivery, lanes, messages, outbox, push
from portal.finance.models import EventFeed
from portal.finance.reach import Reach
from portal.tenants import Tenant
from tests import builders
from tests.finance import broken
from tests.finance.receiver import SECRET, listening
from tests.finance.test_delivery import keys, later

__all__ = ["later"]  # a fixture
DOWN, HEALTHY = builders.TOWN, builders.OTHER_TOWN
ANYWHERE = Reach(anywhere=True)
RING = 10  # seconds between two rounds of the worker


def town(app, name, url):
    with app.app_context(), transaction() as session:
        if name not in builders.HOSTS:
            session.add(Tenant(id=name, name=name))
            session.flush()
            session.add(EventFeed(tenant_id=name))
        delivery.set_endpoint(session, keys(app), name, url, SECRET)
    return name


def tell(app, name, count=1, requests=1):
    with app.app_context(), transaction() as session:
        for number in range(count):
            message = messages.request_changed(f"R{number % requests}", 2, "new_version")
            outbox.put(session, name, message)


def ended(app, towns):
    """Hand over for all towns at once, as the worker does; the towns as they ended."""
    order = []

    async def one(name, aside):
        await delivery.run(name, keys(app), ANYWHERE, aside)
        order.append(name)

    async def all_at_once():
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(3) as pool:

            async def aside(act):
                return await loop.run_in_executor(pool, partial(within, app, act))

            await asyncio.gather(*[one(name, aside) for name in towns])

    asyncio.run(all_at_once())
    return order


def within(app, act):
    with app.app_context():
        return act()


def test_towns_that_hang_hold_up_nobody(app, monkeypatch):
    monkeypatch.setattr(push, "LONGEST_POST", 3.0)
    with contextlib.ExitStack() as stack:
        deaf, dripping = (stack.enter_context(each()) for each in (broken.deaf, broken.dripping))
        failing, healthy = (stack.enter_context(listening()) for _ in range(2))
        failing.status = lambda _: 500
        hanging = [town(app, f"t{n}", deaf if n % 2 else dripping) for n in range(16)]
        towns = [*hanging, town(app, "fails", failing.url), town(app, HEALTHY, healthy.url)]
        for name in towns:
            tell(app, name, 20 if name == HEALTHY else 1)
        order = ended(app, towns)
    assert set(order[:2]) == {"fails", HEALTHY}, "nobody waited for those that hang"
    assert healthy.positions() == list(range(1, 21))


def test_a_run_that_waits_for_an_answer_holds_no_connection(app, monkeypatch):
    monkeypatch.setattr(push, "LONGEST_POST", 0.2)
    with broken.dripping() as dripping:
        towns = [town(app, f"t{n}", dripping) for n in range(20)]
        for name in towns:
            tell(app, name)
        with app.app_context():
            most = db.engine.pool.size() + db.engine.pool._max_overflow
        assert most < len(towns)
        assert sorted(ended(app, towns)) == sorted(towns)


def rounds(app, later, receiver, events, stop_after=600):
    """Ring every ten seconds until all is taken; seconds since the beginning."""
    for second in range(0, stop_after, RING):
        with app.app_context():
            with transaction() as session:
                due = lanes.tenants_due(session)
            for name in due:
                while delivery.deliver(name, keys(app), anywhere=True):
                    pass
        if len(set(receiver.positions())) == events:
            return second
        later(RING)
    return stop_after


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside_a_dead_one"])
def test_after_ten_minutes_down_all_is_taken_in_order_within_a_minute(app, later, beside):
    later(0)
    with listening() as receiver, listening() as gone:
        town(app, DOWN, receiver.url)
        gone.status = lambda _: 503
        if beside:
            tell(app, town(app, HEALTHY, gone.url), 20, requests=20)
        tell(app, DOWN, 120, requests=20)
        receiver.status = lambda _: 503
        assert rounds(app, later, receiver, 120) == 600
        probes = len(receiver.heard)
        assert probes <= lanes.LANES + 600 / delivery.LONGEST_REST.total_seconds() + 3
        receiver.status = lambda _: 204
        assert rounds(app, later, receiver, 120) <= 60
        assert sorted(receiver.positions()) == list(range(1, 121)), "each once"
        for number in range(20):
            taken = receiver.positions(f"R{number}")
            assert taken == sorted(taken)
