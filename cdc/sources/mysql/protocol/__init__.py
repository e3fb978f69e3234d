"""How a server is talked to: the connection, the login, statements and their results, and the dump of its log."""
