"""MySQL and MariaDB: the binlog, and what is needed to read it."""
