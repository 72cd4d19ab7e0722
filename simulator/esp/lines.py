"""Connections that can be cut: what no HTTP framework offers, because no honest server does it."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class Lines:
    """The open connections of a server, by the other end's address."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def cut(self, client: tuple[str, int]) -> None:
        """Break a connection off: what was not sent yet is lost."""
        if transport := self._open.get(client):
            transport.abort()

    def protocol(self) -> type[asyncio.Protocol]:
        """A class for uvicorn's `http` option whose connections are known here."""
        lines = self

        class Cuttable(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
                super().connection_made(transport)
                if self.client:
                    lines._open[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                if self.client:
                    lines._open.pop(self.client, None)
                super().connection_lost(exc)

        return Cuttable
