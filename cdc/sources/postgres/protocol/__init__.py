"""How a server is talked to: connections for statements, for COPY, and for the replication stream."""
