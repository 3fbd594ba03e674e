"""Which addresses a webhook may be sent to, in every spelling."""

import socket
import threading
from collections.abc import Callable

import httpcore
import pytest
import trio
import trio.testing

from wasup.webhooks.addresses import CheckedBackend, ForbiddenAddress, is_public

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "100.63.255.255",
    "100.128.0.0",
    "11.0.0.0",
    "2606:4700:4700::1111",
    "2a00:1450:4001:800::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
]
PRIVATE = [
    # IPv4: this host, private, shared, loopback, link-local (cloud metadata), special, multicast, broadcast
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    # IPv6: unspecified, loopback, link-local (with a zone), unique local, site-local, documentation, multicast, discard
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12:3456:789a::1",
    "fec0::1",
    "2001:db8::1",
    "ff02::1",
    "ff0e::1",
    "100::1",
    "5f00::1",
    # IPv4 within IPv6: mapped, compatible, translated, NAT64 (well-known and local), 6to4, Teredo
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "::10.0.0.1",
    "::8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2002:c0a8:101::1",
    "2001:0:808:808::1",
]
SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
    "0",
    "localhost",
    "ip6-localhost",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    """What the public internet routes."""
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_not(address: str) -> None:
    """Whatever range it belongs to, and whatever it is wrapped in."""
    assert not is_public(address)


@pytest.mark.parametrize("host", SPELLINGS)
async def test_no_spelling_of_a_local_address_gets_through(host: str) -> None:
    """Octal, hexadecimal, integer and short forms are what the resolver makes of them; names are resolved."""
    backend = CheckedBackend(allow_private=False)
    with pytest.raises((ForbiddenAddress, httpcore.ConnectError)) as caught:
        await backend.connect_tcp(host.strip("[]"), 80, timeout=1)
    if isinstance(caught.value, httpcore.ConnectError):
        assert "resolve" in str(caught.value)  # a system whose resolver does not know that form


def resolver(monkeypatch: pytest.MonkeyPatch, resolve: Callable[[str], list[str]]) -> None:
    """Names are resolved by this function."""

    def getaddrinfo(host: str, port: int, *, type: int, flags: int = 0) -> list[tuple[object, ...]]:  # noqa: A002
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "that is a name")
        return [(socket.AF_INET, type, 6, "", (address, port)) for address in resolve(host)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


async def test_the_address_that_was_checked_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is resolved once: a second, different answer (DNS rebinding) is never asked for."""
    asked: list[str] = []
    called: list[str] = []

    def resolve(host: str) -> list[str]:
        asked.append(host)
        return ["8.8.8.8" if len(asked) == 1 else "127.0.0.1"]

    async def connect(_self: object, host: str, *_args: object) -> None:
        await trio.lowlevel.checkpoint()
        called.append(host)
        raise httpcore.ConnectError("not really")

    resolver(monkeypatch, resolve)
    monkeypatch.setattr(httpcore.TrioBackend, "connect_tcp", connect)
    with pytest.raises(httpcore.ConnectError):
        await CheckedBackend(allow_private=False).connect_tcp("rebind.example", 443)
    assert asked == ["rebind.example"]
    assert called == ["8.8.8.8"]


async def test_of_several_addresses_only_public_ones_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a private address beside public ones does not lead inside, and the next public one is tried."""
    called: list[str] = []

    def resolve(_host: str) -> list[str]:
        return ["10.0.0.1", "8.8.8.8", "127.0.0.1", "8.8.4.4"]

    async def connect(_self: object, host: str, *_args: object) -> None:
        await trio.lowlevel.checkpoint()
        called.append(host)
        raise httpcore.ConnectError("not really")

    resolver(monkeypatch, resolve)
    monkeypatch.setattr(httpcore.TrioBackend, "connect_tcp", connect)
    with pytest.raises(httpcore.ConnectError):
        await CheckedBackend(allow_private=False).connect_tcp("mixed.example", 443)
    assert called == ["8.8.8.8", "8.8.4.4"]


async def test_a_name_that_does_not_resolve_is_a_failure_to_connect() -> None:
    """It is tried again like any other failure, not refused for good."""
    with pytest.raises(httpcore.ConnectError, match="does not resolve"):
        await CheckedBackend(allow_private=False).connect_tcp("no-such-name.invalid", 443)


async def test_a_resolver_that_hangs_holds_up_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many deliveries to one endpoint wait for its name: others find theirs, and threads are left for them."""
    back = threading.Event()

    def resolve(host: str) -> list[str]:
        if host == "hangs.example":
            back.wait(20)
        return ["127.0.0.1"]

    async def wait_for_it(backend: CheckedBackend) -> None:
        with pytest.raises(ForbiddenAddress):
            await backend.connect_tcp("hangs.example", 443)

    resolver(monkeypatch, resolve)
    stuck = CheckedBackend(allow_private=False)
    try:
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(wait_for_it, stuck)
            await trio.testing.wait_all_tasks_blocked()
            with trio.fail_after(2), pytest.raises(ForbiddenAddress):
                await CheckedBackend(allow_private=False).connect_tcp("answers.example", 443)
            back.set()
    finally:
        back.set()
