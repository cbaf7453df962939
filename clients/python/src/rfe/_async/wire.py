"""Calls over asyncio: token, deadline, and repetition where it is safe."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from grpc import aio

from rfe._calls import Call, Request, Response
from rfe._channel import OPTIONS, Settings
from rfe._status import deadline_exceeded, error_of_async_call
from rfe.endpoints import target


class Wire:
    """The channels of a client, one for each address."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._channels: dict[str, aio.Channel] = {}

    async def call(self, call: Call[Request, Response], request: Request, deadline: float | None = None) -> Response:
        """Makes a call, and makes it again where that is safe. `deadline` is in seconds, all attempts together."""
        seconds = self.settings.deadline if deadline is None else deadline
        end, attempt, url = time.monotonic() + seconds, 1, self._url(call)
        while True:
            try:
                return await self._once(call, request, end - time.monotonic())
            except aio.AioRpcError as failed:
                error = error_of_async_call(url, failed)
            pause = self.settings.backoff.before_next(attempt, error) if call.safe else None
            if pause is None or time.monotonic() + pause >= end:
                raise error
            await asyncio.sleep(pause)
            attempt += 1

    async def stream(
        self, call: Call[Request, Response], request: Request, deadline: float | None = None
    ) -> AsyncIterator[Response]:
        """Makes a call whose answer is a stream. Leaving it early ends the call."""
        method = self._channel(call).unary_stream(
            call.path, request_serializer=call.request.SerializeToString, response_deserializer=call.response.FromString
        )
        answers = method(request, timeout=deadline, metadata=aio.Metadata(*self.settings.headers))
        try:
            async for answer in answers:
                yield answer
        except aio.AioRpcError as failed:
            raise error_of_async_call(self._url(call), failed) from None
        finally:
            answers.cancel()

    async def send(
        self, call: Call[Request, Response], requests: AsyncIterator[Request], deadline: float | None = None
    ) -> Response:
        """Makes a call whose request is a stream."""
        method = self._channel(call).stream_unary(
            call.path, request_serializer=call.request.SerializeToString, response_deserializer=call.response.FromString
        )
        try:
            answer: Response = await method(requests, timeout=deadline, metadata=aio.Metadata(*self.settings.headers))
        except aio.AioRpcError as failed:
            raise error_of_async_call(self._url(call), failed) from None
        return answer

    async def close(self) -> None:
        """Ends the connections."""
        channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            await channel.close()

    async def _once(self, call: Call[Request, Response], request: Request, seconds: float) -> Response:
        if seconds <= 0:
            raise deadline_exceeded(self._url(call))
        method = self._channel(call).unary_unary(
            call.path, request_serializer=call.request.SerializeToString, response_deserializer=call.response.FromString
        )
        answer: Response = await method(request, timeout=seconds, metadata=aio.Metadata(*self.settings.headers))
        return answer

    def _url(self, call: Call[Request, Response]) -> str:
        url: str = getattr(self.settings.endpoints, call.service)
        return url

    def _channel(self, call: Call[Request, Response]) -> aio.Channel:
        url = self._url(call)
        if url not in self._channels:
            if url.startswith("https://"):
                channel = aio.secure_channel(target(url), self.settings.credentials, OPTIONS)
            else:
                channel = aio.insecure_channel(target(url), OPTIONS)
            self._channels[url] = channel
        return self._channels[url]
