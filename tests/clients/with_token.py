"""The ways in which Flight clients bring a token. Prints what each of them read, or the error, as JSON."""

import json
import sys

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi as dbapi
import pyarrow.flight as flight

address, token, sql = sys.argv[1:]
ADBC_HEADER = adbc_driver_flightsql.DatabaseOptions.AUTHORIZATION_HEADER.value


def plain(pair):
    with flight.connect(f"grpc://{address}") as client:
        headers = [pair(client)] if pair else []
        options = flight.FlightCallOptions(headers=headers)
        return client.do_get(flight.Ticket(sql.encode()), options).read_all().to_pylist()


def adbc(**settings):
    with dbapi.connect(f"grpc://{address}", db_kwargs=settings, autocommit=True) as connection:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetch_arrow_table().to_pylist()


ways = {
    "none": lambda: plain(None),
    "header": lambda: plain(lambda _: (b"authorization", f"Bearer {token}".encode())),
    "basic": lambda: plain(lambda client: client.authenticate_basic_token("anyone", token)),
    "adbc_none": lambda: adbc(),
    "adbc_header": lambda: adbc(**{ADBC_HEADER: f"Bearer {token}"}),
    "adbc_password": lambda: adbc(username="anyone", password=token),
}
seen = {}
for name, way in ways.items():
    try:
        seen[name] = way()
    except Exception as error:  # whatever a driver makes of it
        seen[name] = f"{type(error).__name__}: {error}"
print(json.dumps(seen))
