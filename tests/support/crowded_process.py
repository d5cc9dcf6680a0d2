"""A process of its own that has no descriptor for a connection that waits, until the test gives it one.

In the process of the tests, whatever else runs there would have none either, or one that it closes would serve.
"""

import asyncio
import os
import resource
import socket
import sys

from detector import listeners, log
from detector.config import HostPort


async def main(host: str) -> None:
    """Tells on standard output what becomes of the connection; a line on standard input is the descriptor."""
    log.configure("json", "error")
    listeners.PAUSE = 0.01
    told, taken = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, told.set)

    def arrived(connection: socket.socket, _: str) -> bool:
        print("taken", flush=True)
        connection.close()
        taken.set()
        return True

    waits = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    address = HostPort(host=host, port=waits.getsockname()[1])
    with socket.create_connection((address.host, address.port)):
        free = os.dup(waits.fileno())
        os.close(free)
        most, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, limit))
        (listener,) = await listeners.Listeners([waits.detach()]).listen(arrived, address)
        await told.wait()
        asyncio.get_running_loop().remove_reader(sys.stdin)
        print("another descriptor", flush=True)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, limit))
        await taken.wait()
        listener.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
