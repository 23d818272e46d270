"""The way to brokers that have no security."""

import asyncio
from collections.abc import Callable

from proxy.transport.ports import AnyProtocol


class PlainHop:
    """TCP, and nothing else."""

    async def connect(self, factory: Callable[[], AnyProtocol], host: str, port: int) -> AnyProtocol:
        """Connect.

        :raises OSError: the connection did not come about.
        """
        _, protocol = await asyncio.get_running_loop().create_connection(factory, host, port)
        return protocol
