"""Values that flow through cdc-stream: schemas, tables, batches of changes, encoded records, positions. No I/O, no asyncio."""
