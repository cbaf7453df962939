"""Where a client looks for the services."""

from __future__ import annotations

from pathlib import Path

import pytest

import rfe
from rfe.endpoints import DEFAULT_URL, Endpoints, check_url, target


def read(url: str | None = None, **environment: str) -> Endpoints:
    return Endpoints.read(url, environment=environment)


def test_one_address_is_that_of_all_services_unless_one_is_overridden() -> None:
    assert read() == Endpoints(DEFAULT_URL, DEFAULT_URL, DEFAULT_URL, DEFAULT_URL, DEFAULT_URL)
    some = read(RFE_URL="http://a:1", RFE_QUERY_URL="http://q:2", RFE_DLQ_URL="")
    assert (some.ingest, some.query, some.dlq) == ("http://a:1", "http://q:2", "http://a:1")
    given = read("http://b:1", RFE_URL="http://a:1", RFE_METADATA_URL="http://m:2")
    assert (given.ingest, given.metadata) == ("http://b:1", "http://m:2")
    best = Endpoints.read("http://b:1", metadata_url="n:3", environment={"RFE_METADATA_URL": "http://m:2"})
    assert best.metadata == "http://n:3"


def test_addresses_that_can_not_work_are_refused() -> None:
    assert check_url("127.0.0.1:50051/") == "http://127.0.0.1:50051"
    assert check_url("https://rfe.example/") == "https://rfe.example"
    for wrong in ("", "http://", "https://", "ftp://a", "http://a b", "http://a/path"):
        with pytest.raises(ValueError, match="is no address of a service"):
            check_url(wrong)


def test_a_port_that_is_not_written_is_that_of_the_scheme() -> None:
    assert target("https://rfe.example") == "rfe.example:443"
    assert target("http://[::1]:50051") == "[::1]:50051"
    assert target("http://[::1]") == "[::1]:80"


def test_a_token_is_not_shown_and_one_that_can_not_be_sent_is_refused() -> None:
    client = rfe.Client("http://127.0.0.1:1", token="rfe_secret")
    assert "secret" not in repr(client)
    assert "secret" not in repr(client.endpoints)
    client.close()
    with pytest.raises(ValueError, match="token"):
        read(RFE_TOKEN="a\nb")


def test_files_of_tls_come_from_the_environment_and_belong_together() -> None:
    assert read(RFE_TLS_CA="/ca.pem").tls == rfe.Tls(ca=Path("/ca.pem"))
    with pytest.raises(ValueError, match="RFE_TLS_CLIENT_KEY"):
        read(RFE_TLS_CLIENT_CERT="/own.pem")
