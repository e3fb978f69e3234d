"""A small shop on a real database: something that changes all the time, with an exact account of what was committed.

The demo shows it, and anything that has to prove a stream complete can use it: `premises` makes the database, `writer` changes it,
`ledger` keeps what was committed, `events` reads what was delivered.
"""
