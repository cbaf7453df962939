import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The tree that tools show: catalogs, schemas, tables, columns, keys. */
final class Catalog {
    private Catalog() {}

    static Map<String, Object> of(DatabaseMetaData server) throws SQLException {
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("catalogs", Read.rows(server.getCatalogs(), row -> row.getString("TABLE_CAT")));
        found.put("schemas", schemas(server.getSchemas()));
        found.put("schemas_like", schemas(server.getSchemas("rfe", "m%")));
        found.put("table_types", Read.rows(server.getTableTypes(), row -> row.getString("TABLE_TYPE")));
        found.put("tables", tables(server.getTables(null, null, "numbers", null)));
        found.put("tables_like", tables(server.getTables("rfe", "ma%", "num_ers", new String[] {"TABLE", "VIEW"})));
        found.put("tables_of_all", tables(server.getTables(null, "%", "%", null)).contains("rfe.main.numbers TABLE"));
        found.put("meta", tables(server.getTables("rfe", "meta", "%", null)));
        found.put("escaped", tables(server.getTables("rfe", "meta", "ingestion\\_r%", null)));
        found.put("escaped_columns", !columns(server.getColumns("rfe", "meta", "ingestion\\_runs", "%")).isEmpty());
        found.put("views", tables(server.getTables(null, null, "%", new String[] {"VIEW"})));
        found.put("elsewhere", tables(server.getTables("another", null, "%", null)));
        found.put("columns", columns(server.getColumns("rfe", "main", "numbers", "%")));
        found.put("columns_like", columns(server.getColumns(null, null, "numbers", "i_")));
        found.put("keys", keys(server));
        return found;
    }

    private static List<String> schemas(ResultSet schemas) throws SQLException {
        return Read.rows(schemas, row -> row.getString("TABLE_CATALOG") + "." + row.getString("TABLE_SCHEM"));
    }

    private static List<String> tables(ResultSet tables) throws SQLException {
        return Read.rows(tables, row -> String.join(
                ".", row.getString("TABLE_CAT"), row.getString("TABLE_SCHEM"), row.getString("TABLE_NAME"))
                + " " + row.getString("TABLE_TYPE"));
    }

    // Schema, name, type, its number, size, digits behind the point, whether it may be null, place.
    private static List<String> columns(ResultSet columns) throws SQLException {
        return Read.rows(columns, row -> String.join(
                " ",
                row.getString("TABLE_SCHEM"),
                row.getString("COLUMN_NAME"),
                row.getString("TYPE_NAME"),
                String.valueOf(number(row.getInt("DATA_TYPE"))),
                row.getString("COLUMN_SIZE"),
                row.getString("DECIMAL_DIGITS"),
                row.getString("IS_NULLABLE"),
                row.getString("ORDINAL_POSITION")));
    }

    // Drivers before 18.3.0 have no number of their own for times with a zone.
    private static int number(int type) {
        return type == Types.TIMESTAMP_WITH_TIMEZONE ? Types.TIMESTAMP : type;
    }

    private static int keys(DatabaseMetaData server) throws SQLException {
        int keys = 0;
        for (ResultSet result : List.of(
                server.getPrimaryKeys("rfe", "main", "numbers"),
                server.getImportedKeys("rfe", "main", "numbers"),
                server.getExportedKeys("rfe", "main", "numbers"),
                server.getCrossReference("rfe", "main", "numbers", "rfe", "main", "numbers"),
                server.getIndexInfo("rfe", "main", "numbers", false, true))) {
            keys += Read.rows(result, ResultSet::getRow).size();
        }
        return keys;
    }
}
