"""The way to brokers that have no security."""

import asyncio
from collections.abc import Callable

from proxy.authentication.forwarding import ForwardedClient
from proxy.transport.ports import AnyProtocol


class PlainHop:
    """TCP, and nothing else."""

    async def connect(
        self,
        factory: Callable[[], AnyProtocol],
        host: str,
        port: int,
        client: ForwardedClient | None,  # noqa: ARG002 - of the Hop
    ) -> AnyProtocol:
        """Connect; such a broker knows no clients.

        :raises OSError: the connection did not come about.
        """
        _, protocol = await asyncio.get_running_loop().create_connection(factory, host, port)
        return protocol
