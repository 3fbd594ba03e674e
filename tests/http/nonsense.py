"""What no client should send, by name: the parts of each, sent one after the other."""

from typing import Final

__all__ = ["HOSTILE", "PING", "RESET", "UPGRADE"]

UPGRADE: Final = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: bKdPyn3u98cTfZJSh4TNeQ==\r\n\r\n"
)
PING: Final = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
RESET: Final = b"<reset>"  # not sent: the connection is reset here

HOSTILE: Final = {
    "websocket upgrade with a trailing byte": [UPGRADE + b"x"],
    "websocket upgrade with a trailing frame": [UPGRADE + b"\x81\x81\0\0\0\0a"],
    "websocket upgrade, then garbage": [UPGRADE, b"\xff" * 40],
    "websocket upgrade of an unknown version": [UPGRADE.replace(b"Version: 13", b"Version: 99")],
    "websocket upgrade, then a reset": [UPGRADE, RESET],
    "websocket frame with bad text": [UPGRADE, b"\x81\x82\0\0\0\0\xff\xfe"],
    "websocket control frame in fragments": [UPGRADE, b"\x09\x80\0\0\0\0"],
    "websocket close with a bad code": [UPGRADE, b"\x88\x82\0\0\0\0\x00\x01"],
    "websocket frame of 2^63 bytes": [UPGRADE, b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"],
    "garbage": [b"\x00\x01\x02garbage\r\n\r\n"],
    "TLS hello": [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200],
    "a giant head": [b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n"],
    "a thousand headers": [b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20_000 + b"\r\n"],
    "a bad chunk": [b"POST /api/accounts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n"],
    "a giant chunk": [
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\nx",
        RESET,
    ],
    "two lengths": [b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
    "length and chunks": [b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    "a negative length": [b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n"],
    "HTTP/2 preface": [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0" * 30],
    "h2c upgrade": [
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: !\r\n\r\n"
    ],
    "pipelined requests": [b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 50],
    "a path that is no text": [b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n"],
    "a path with escapes that are no text": [b"GET /%ff%fe%00 HTTP/1.1\r\nHost: x\r\n\r\n"],
    "two slashes": [b"GET //api/accounts HTTP/1.1\r\nHost: x\r\n\r\n"],
    "an absolute address": [b"GET http://evil.example/health HTTP/1.1\r\nHost: x\r\n\r\n"],
    "no host": [b"GET /health HTTP/1.1\r\n\r\n"],
    "a strange host": [b"GET /health HTTP/1.1\r\nHost: ]][[:-1\r\n\r\n"],
    "CONNECT": [b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n"],
    "an asterisk": [b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"],
    "a request, then a reset": [b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", RESET],
    "half a body, then a reset": [b"POST /api/accounts HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc", RESET],
    "half a head, then the end": [b"GET /hea", RESET],
    "nothing, then a reset": [RESET],
}
