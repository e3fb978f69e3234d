"""The smallest configuration that parses."""

MINIMAL = {
    "name": "shop",
    "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
    "database.hostname": "db.example",
    "database.user": "cdc",
    "database.password": "hunter2",
    "database.dbname": "shop",
    "topic.prefix": "shop",
}
