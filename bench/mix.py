"""The mix: twenty columns of many types, replica identity full, 50 changes in a transaction: 30 inserts, 15 updates, 5 deletes.

Two slots hold the same backlog, as in the narrow workload: one for `pg_recvlogical`, one for `cdc-stream run`.
"""

from __future__ import annotations

from bench import narrow
from bench.narrow import Result, connect
from cdc.testing.servers.base import Address

SLOT = "mix"
LIMIT = "mix_limit"
PUBLICATION = "mix"
#: Changes in a transaction, and the records that they become: a delete is followed by a tombstone.
CHANGES = 50
RECORDS = 55
SETUP = """
create table mix (
  id bigint primary key, customer int not null, quantity smallint, price numeric(12, 2), weight double precision,
  ratio real, paid boolean, name varchar(60), note text, code char(8), token uuid, data jsonb, raw bytea,
  day date, at time, created timestamp, updated timestamptz, region text, status text, total numeric
);
alter table mix replica identity full;
create publication mix for table mix;
create procedure fill_mix(start int, changes int) language plpgsql as $$
begin
  for base in start / 50..(start + changes) / 50 - 1 loop
    insert into mix select base * 30 + n, n, n, n * 1.25, n / 3.0, n / 7.0, n % 2 = 0, 'customer ' || n, repeat('note ', 8), 'code' || n,
      gen_random_uuid(), jsonb_build_object('n', n, 'tags', array['a', 'b']), decode('00ff10', 'hex'), date '2024-01-01' + n,
      time '10:00' + n * interval '1 minute', timestamp '2024-01-01' + n * interval '1 hour', clock_timestamp(), 'north', 'new', n * 99.99
      from generate_series(1, 30) n;
    update mix set status = 'paid', total = total + 1, updated = clock_timestamp() where id between base * 30 + 1 and base * 30 + 15;
    delete from mix where id between base * 30 + 26 and base * 30 + 30;
    commit;
  end loop;
end $$;
"""


def prepare(postgres: Address) -> None:
    """Create the table, in the narrow workload's database, with a slot for each reader."""
    with connect(postgres) as session:
        session.execute(SETUP)
        for slot in (SLOT, LIMIT):
            session.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (slot,))


def run(postgres: Address, kafka: Address, start: int, changes: int) -> tuple[Result, ...]:
    """Write a backlog of so many changes, numbered from `start`, and read it with both readers."""
    with connect(postgres) as session:
        session.execute("call fill_mix(%s, %s)", (start, changes))
        found = session.execute("select pg_current_wal_lsn()::text").fetchone()
    end = str(found[0]) if found else ""
    more = {"publication.name": PUBLICATION}
    return (
        narrow.limit(postgres, changes, end, LIMIT, PUBLICATION),
        narrow.ours(postgres, kafka, SLOT, changes, end, more),
    )
