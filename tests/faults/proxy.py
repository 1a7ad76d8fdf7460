"""A network between two programs that a test can cut, stall, and turn into a hole: a TCP proxy in a thread."""

import asyncio
import socket
import struct
import threading


class Proxy:
    """Passes on what comes to its port, until it is told otherwise."""

    def __init__(self, target):
        self.target = target
        self.links = set()
        self.refusing = self.dropping = False
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.call(self.listen())

    async def listen(self):
        """Opens the port."""
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.server = await asyncio.start_server(self.link, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    def call(self, step):
        """Runs a step in the proxy's thread and waits for it."""
        return asyncio.run_coroutine_threadsafe(step, self.loop).result(timeout=30)

    def cut(self):
        """Every connection is reset, and new ones are refused."""
        self.call(self.set(refusing=True, reset=True))

    def stall(self):
        """Connections stay, and nothing moves: what is sent meanwhile arrives when it heals."""
        self.call(self.set(flowing=False))

    def drop(self):
        """A hole: connections stay, and what is sent is lost. They are reset when it heals."""
        self.call(self.set(dropping=True))

    def heal(self):
        """Everything passes again."""
        self.call(self.set(reset=self.dropping))

    def close(self):
        """The port closes, and the thread ends."""
        self.call(self.set(refusing=True, reset=True))
        self.call(self.end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(timeout=30)

    async def end(self):
        """Stops listening."""
        self.server.close()

    async def set(self, refusing=False, dropping=False, flowing=True, reset=False):
        """What happens from now on."""
        self.refusing, self.dropping = refusing, dropping
        (self.flowing.set if flowing else self.flowing.clear)()
        if reset:
            for writer in list(self.links):
                # Closed without lingering: the other end gets a reset, not a good-bye.
                raw = writer.get_extra_info("socket")
                if raw.fileno() < 0:
                    # It ended by itself a moment ago, and its link has not yet struck it off.
                    continue
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()

    async def link(self, reader, writer):
        """One connection, both ways."""
        if self.refusing:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        ends = (writer, far_writer)
        self.links.update(ends)
        await asyncio.gather(self.pump(reader, far_writer), self.pump(far_reader, writer))
        self.links.difference_update(ends)

    async def pump(self, reader, writer):
        """One way of a connection."""
        try:
            while data := await reader.read(65536):
                await self.flowing.wait()
                if self.dropping:
                    continue
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
