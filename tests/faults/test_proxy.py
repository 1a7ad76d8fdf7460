"""The proxy does to a connection what it says."""

import asyncio
import contextlib
import socket
import threading

import pytest
from proxy import Proxy


@pytest.fixture
def echo():
    """A program that sends back what it is sent."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=[one], daemon=True).start()

    def answer(one):
        with one, contextlib.suppress(ConnectionResetError):
            while data := one.recv(1024):
                one.sendall(data)

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


@pytest.fixture
def proxy(echo):
    """A proxy before it."""
    proxy = Proxy(echo)
    yield proxy
    proxy.close()


def connect(proxy):
    """A connection through the proxy that does not wait for ever, and has passed something."""
    one = socket.create_connection(("127.0.0.1", proxy.port), timeout=0.5)
    one.sendall(b"first")
    assert one.recv(1024) == b"first"
    return one


def test_a_cut_resets_and_refuses_until_it_heals(proxy):
    one = connect(proxy)
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        one.recv(1024)
    with pytest.raises((OSError, AssertionError)):
        connect(proxy)
    proxy.heal()
    connect(proxy).close()


def test_a_cut_minds_no_connection_that_has_just_ended(proxy):
    one = connect(proxy)

    async def end_and_cut():
        for writer in list(proxy.links):
            writer.transport.abort()
        # One turn of the loop: the sockets are closed, and nobody has struck them off yet.
        await asyncio.sleep(0)
        assert proxy.links
        await proxy.set(refusing=True, reset=True)

    proxy.call(end_and_cut())
    one.close()
    proxy.heal()
    connect(proxy).close()


def test_a_stall_delivers_late(proxy):
    one = connect(proxy)
    proxy.stall()
    one.sendall(b"late")
    with pytest.raises(TimeoutError):
        one.recv(1024)
    proxy.heal()
    assert one.recv(1024) == b"late"


def test_a_hole_loses_what_is_sent_and_resets_when_it_heals(proxy):
    one = connect(proxy)
    proxy.drop()
    one.sendall(b"lost")
    with pytest.raises(TimeoutError):
        one.recv(1024)
    proxy.heal()
    with pytest.raises(ConnectionResetError):
        one.recv(1024)
    connect(proxy).close()
