"""Calls that block: token, deadline, and repetition where it is safe."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import grpc

from rfe._calls import Call, Request, Response
from rfe._channel import OPTIONS, Settings
from rfe._status import deadline_exceeded, error_of_call
from rfe.endpoints import target


class Wire:
    """The channels of a client, one for each address. Threads may share it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._channels: dict[str, grpc.Channel] = {}
        self._lock = threading.Lock()

    def call(self, call: Call[Request, Response], request: Request, deadline: float | None = None) -> Response:
        """Makes a call, and makes it again where that is safe. `deadline` is in seconds, all attempts together."""
        seconds = self.settings.deadline if deadline is None else deadline
        end, attempt, url = time.monotonic() + seconds, 1, self._url(call)
        while True:
            try:
                return self._once(call, request, end - time.monotonic())
            except grpc.RpcError as failed:
                error = error_of_call(url, failed)
            pause = self.settings.backoff.before_next(attempt, error) if call.safe else None
            if pause is None or time.monotonic() + pause >= end:
                raise error
            time.sleep(pause)
            attempt += 1

    def stream(
        self, call: Call[Request, Response], request: Request, deadline: float | None = None
    ) -> Iterator[Response]:
        """Makes a call whose answer is a stream. Leaving it early ends the call."""
        method = self._channel(call).unary_stream(
            call.path, request_serializer=call.request.SerializeToString, response_deserializer=call.response.FromString
        )
        answers = method(request, timeout=deadline, metadata=self.settings.headers)
        try:
            yield from answers
        except grpc.RpcError as failed:
            raise error_of_call(self._url(call), failed) from None
        finally:
            answers.cancel()

    def send(
        self, call: Call[Request, Response], requests: Iterator[Request], deadline: float | None = None
    ) -> Response:
        """Makes a call whose request is a stream."""
        method = self._channel(call).stream_unary(
            call.path, request_serializer=call.request.SerializeToString, response_deserializer=call.response.FromString
        )
        try:
            answer: Response = method(requests, timeout=deadline, metadata=self.settings.headers)
        except grpc.RpcError as failed:
            raise error_of_call(self._url(call), failed) from None
        return answer

    def close(self) -> None:
        """Ends the connections."""
        with self._lock:
            channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            channel.close()

    def _once(self, call: Call[Request, Response], request: Request, seconds: float) -> Response:
        if seconds <= 0:
            raise deadline_exceeded(self._url(call))
        method = self._channel(call).unary_unary(
            call.path, request_serializer=call.request.SerializeToString, response_deserializer=call.response.FromString
        )
        answer: Response = method(request, timeout=seconds, metadata=self.settings.headers)
        return answer

    def _url(self, call: Call[Request, Response]) -> str:
        url: str = getattr(self.settings.endpoints, call.service)
        return url

    def _channel(self, call: Call[Request, Response]) -> grpc.Channel:
        url = self._url(call)
        with self._lock:
            if url not in self._channels:
                if url.startswith("https://"):
                    channel = grpc.secure_channel(target(url), self.settings.credentials, OPTIONS)
                else:
                    channel = grpc.insecure_channel(target(url), OPTIONS)
                self._channels[url] = channel
            return self._channels[url]
