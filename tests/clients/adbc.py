"""ADBC's Flight SQL driver: statements, prepared statements, catalog. Prints what it saw as JSON."""

import json
import sys

import adbc_driver_flightsql.dbapi as dbapi

seen = {}
with dbapi.connect(f"grpc://{sys.argv[1]}", autocommit=True) as connection:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM numbers")
        seen["count"] = cursor.fetchone()[0]

        cursor.execute("SELECT id, name FROM numbers WHERE id = ?", parameters=(7,))
        seen["by_parameter"] = [list(row) for row in cursor.fetchall()]

        ids = []
        for number in (0, 10, 20):
            cursor.execute("SELECT id FROM numbers WHERE id = ? AND name = ?", parameters=(number, "name 0"))
            ids.append(cursor.fetchone()[0])
        seen["by_parameters_in_turn"] = ids

        cursor.execute(
            "SELECT 1::INTEGER, 2.50::DECIMAL(9,2), DATE '2024-02-29', NULL::VARCHAR, true, [1, 2]"
        )
        seen["typed"] = [[str(value) for value in row] for row in cursor.fetchall()]

        try:
            cursor.execute("SELECT nothing FROM numbers")
            cursor.fetchall()
            seen["error"] = None
        except dbapi.Error as error:
            seen["error"] = str(error)

        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)], "a statement that failed does not spoil the next one"

    objects = connection.adbc_get_objects(depth="all").read_all().to_pylist()
    schemas = [schema for catalog in objects for schema in catalog["catalog_db_schemas"]]
    tables = {
        f"{schema['db_schema_name']}.{table['table_name']}": table
        for schema in schemas
        for table in schema["db_schema_tables"]
    }
    seen["tables"] = sorted(tables)
    seen["columns"] = [column["column_name"] for column in tables["main.numbers"]["table_columns"]]
    schema = connection.adbc_get_table_schema("numbers", db_schema_filter="main")
    seen["schema"] = [f"{field.name}: {field.type}" for field in schema]
    seen["vendor"] = connection.adbc_get_info().get("vendor_name")
print(json.dumps(seen))
