"""The emulator as a process: how it starts, and how it ends."""

import signal
import socket
import struct
import subprocess
import sys

import httpx
import pytest
import trio

from tests.emulator.process import emulator_at
from wasup.emulator.client import EmulatorDied, running_emulator


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_it_ends_quietly_when_asked(number: signal.Signals) -> None:
    """Exit status 0 and no traceback."""
    command = [sys.executable, "-m", "wasup.emulator"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("ready http://127.0.0.1:")
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def test_clients_that_vanish_during_the_handshake_are_everyday_life() -> None:
    """Connections reset in the middle of an upgrade or a request leave no traceback."""
    command = [sys.executable, "-m", "wasup.emulator"]
    upgrade = b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    upgrade += b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    upload = b"POST /media HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        port = int(process.stdout.readline().rpartition(":")[2])
        for said in (upgrade, upload, b"GET /ctl/state HTTP/1.1\r\nHost: x\r\n\r\n") * 30:
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.sendall(said)
        with httpx.Client() as http:
            assert http.get(f"http://127.0.0.1:{port}/ctl/state").json()["connections"] == 0
        process.terminate()
        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def test_it_ends_with_whoever_holds_its_input() -> None:
    """With `--end-with-stdin` no orphan is left by a starter that was killed."""
    command = [sys.executable, "-m", "wasup.emulator", "--end-with-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"ready ")
        process.stdin.close()
        assert process.wait(10) == 0


def test_help_tells_that_state_is_in_memory_only() -> None:
    """Nobody shall take it for a database."""
    answer = subprocess.run(
        [sys.executable, "-m", "wasup.emulator", "--help"], capture_output=True, text=True, check=True
    )
    assert "memory only" in " ".join(answer.stdout.split())
    assert "--qr-ttl" in answer.stdout


async def test_a_port_that_is_taken_is_told() -> None:
    """Whoever starts an emulator on a taken port gets an exception, not a hanging wait."""
    with emulator_at() as url:
        port = int(url.rpartition(":")[2])
        with trio.fail_after(20), pytest.raises(EmulatorDied):
            async with running_emulator(port=port):
                pass
