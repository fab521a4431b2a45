"""What an event may be pushed to: public addresses over https, and what the operator names."""

import asyncio
import ipaddress
import ssl

import pytest

from portal.config import Settings
from portal.errors import Misconfigured
from portal.finance import push, reach
from portal.finance.push import Parcel, Target
from portal.finance.reach import Closed, Reach
from tests.finance import broken
from tests.finance.receiver import SECRET, listening

CENTRE = Reach(tuple(map(ipaddress.ip_network, ("10.20.0.0/16", "fd00:20::/32"))))
HERE = Reach((ipaddress.ip_network("127.0.0.0/8"),))
ANYWHERE = Reach(anywhere=True)
PUBLIC = "93.184.216.34"


@pytest.fixture
def names(monkeypatch):
    """Which addresses a name has; counts how often it is asked."""
    known = {}
    asked = []

    def addresses(host, port):
        asked.append(host)
        return known[host]

    monkeypatch.setattr(reach, "_addresses", addresses)
    known["asked"] = asked
    return known


def way(url, allowed=Reach()):  # noqa: B008 -- immutable
    return asyncio.run(reach.way(allowed, url))


def test_the_address_that_was_checked_is_the_one_connected_to(names):
    names["erp.example"] = [PUBLIC]
    found = way("https://erp.example:8443/events?a=1")
    assert found.url == f"https://{PUBLIC}:8443/events?a=1"
    assert found.options == {"sni_hostname": "erp.example"}
    assert names["asked"] == ["erp.example"], "asked twice it could answer otherwise"


def test_an_address_of_the_computing_centre_is_reached_when_its_network_is_named(names):
    names["erp.example"] = ["10.20.3.4"]
    assert way("https://erp.example/", CENTRE).url == "https://10.20.3.4/"
    with pytest.raises(Closed, match="private_address"):
        way("https://erp.example/")
    names["erp.example"] = ["fd00:20::7"]
    assert way("https://erp.example/", CENTRE).url == "https://[fd00:20::7]/"


@pytest.mark.parametrize(
    "addresses",
    [["10.21.0.1"], ["10.20.0.1", "10.21.0.1"], [PUBLIC, "192.168.1.1"], ["127.0.0.1"],
     ["::ffff:10.20.0.1"], []],
)  # fmt: skip
def test_no_address_beside_the_named_networks(names, addresses):
    names["erp.example"] = addresses
    with pytest.raises(Closed, match="private_address"):
        way("https://erp.example/", CENTRE)


def test_naming_networks_takes_nothing_from_the_public_internet(names):
    names["erp.example"] = [PUBLIC]
    assert way("https://erp.example/", CENTRE).url == f"https://{PUBLIC}/"


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1%eth0", "224.0.0.1", "0.0.0.0"])
def test_addresses_of_the_link_are_never_reached_whatever_is_named(address):
    everything = Reach((ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")))
    assert not reach.is_open(everything, "https", address)


@pytest.mark.parametrize("address", ["10.20.3.4", PUBLIC])
def test_plain_http_leaves_no_machine(names, address):
    names["erp.example"] = [address]
    everywhere = Reach((*CENTRE.networks, ipaddress.ip_network("93.184.216.0/24")))
    with pytest.raises(Closed, match="not_https"):
        way("http://erp.example/", everywhere)


def test_plain_http_reaches_a_proxy_on_this_machine_when_it_is_named(names):
    names["localhost"] = ["127.0.0.1"]
    assert way("http://localhost:9000/", HERE).url == "http://127.0.0.1:9000/"
    with pytest.raises(Closed, match="not_https"):
        way("http://localhost:9000/")


def post(target):
    async def once():
        async with push.client() as client:
            return await push.post(client, target, Parcel("evt_1", "{}"))

    return asyncio.run(once())


def test_it_is_really_sent_there_under_its_own_name(names):
    names["erp.example"] = ["127.0.0.1"]
    with listening() as receiver:
        url = receiver.url.replace("127.0.0.1", "erp.example")
        assert post(Target(url, SECRET, HERE)).status == 204
        ((_, headers),) = receiver.raw
    assert headers["Host"] == url.split("/")[2]


def test_a_redirect_into_the_inside_is_not_followed(names):
    names["erp.example"] = ["127.0.0.1"]
    with listening() as receiver:
        receiver.status = lambda _: 307
        url = receiver.url.replace("127.0.0.1", "erp.example")
        assert post(Target(url, SECRET, HERE)).status == 307
        assert len(receiver.heard) == 1


def test_a_name_that_nobody_knows_is_no_answer(monkeypatch):
    def unknown(host, port):
        raise OSError("no such name")

    monkeypatch.setattr(reach, "_addresses", unknown)
    outcome = post(Target("https://erp.example/", SECRET))
    assert (outcome.status, outcome.error) == (None, "OSError")


def test_an_answer_that_drips_ends_when_its_time_is_over(monkeypatch):
    monkeypatch.setattr(push, "LONGEST_POST", 0.15)
    with broken.dripping() as url:
        outcome = post(Target(url, SECRET, ANYWHERE))
    assert (outcome.status, outcome.error) == (None, "TooLate")


def test_events_of_a_run_share_connections():
    async def three(url):
        async with push.client() as client:
            for _ in range(3):
                await push.post(client, Target(url, SECRET, ANYWHERE), Parcel("evt_1", "{}"))

    with listening() as receiver:
        asyncio.run(three(receiver.url))
        assert receiver.connections == 1


def test_what_drips_behind_the_status_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(push, "LONGEST_REST", 0.05)
    with broken.dripping(b"HTTP/1.1 204 OK\r\nContent-Length: 99\r\n\r\n") as url:
        assert post(Target(url, SECRET, ANYWHERE)).status == 204


def test_a_connection_that_nobody_takes_ends_when_its_time_is_over(monkeypatch):
    monkeypatch.setattr(push, "LONGEST_POST", 0.15)
    with broken.deaf() as url:
        outcome = post(Target(url, SECRET, ANYWHERE))
    assert (outcome.status, outcome.error) == (None, "TooLate")


def test_certificates_are_checked_against_what_the_machine_trusts():
    assert push._trust.verify_mode is ssl.CERT_REQUIRED
    assert push._trust.check_hostname


def test_the_setting_names_networks():
    told = {"QUITT_FINANCE_NETWORKS": "10.20.0.0/16, fd00:20::/32"}
    assert Settings.from_env(told).finance_networks == CENTRE.networks
    assert Settings.from_env({"QUITT_FINANCE_NETWORKS": ""}).finance_networks == ()


@pytest.mark.parametrize("text", ["10.20.0.1/16", "here", "10.0.0.0/33", "10.20.0.0/16;fd00::/8"])
def test_a_network_that_cannot_be_read_is_told_at_the_start(text):
    with pytest.raises(Misconfigured, match="QUITT_FINANCE_NETWORKS"):
        Settings.from_env({"QUITT_FINANCE_NETWORKS": text})
