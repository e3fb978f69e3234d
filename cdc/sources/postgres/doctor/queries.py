"""What the catalogue is asked. Columns that newer versions have are read through `to_jsonb`, which gives null where they are missing."""

from __future__ import annotations

from typing import Final

SETTINGS: Final = (
    "max_replication_slots",
    "max_wal_senders",
    "max_slot_wal_keep_size",
    "wal_sender_timeout",
    "idle_replication_slot_timeout",
)
NUMBERS: Final = """
select name, case when setting::bigint < 0 then -1 else setting::bigint *
       case unit when 'ms' then 0.001 when 'min' then 60 when 'kB' then 1024 when 'MB' then 1048576 else 1 end end::float8
from pg_settings where name = any (%s)
"""
SERVER: Final = """
select current_setting('server_version_num')::int as version, current_setting('wal_level') as wal_level,
       pg_is_in_recovery() as standby, current_setting('hot_standby_feedback')::bool as hot_standby_feedback,
       (select count(*) from pg_replication_slots)::int as slots, (select count(*) from pg_stat_replication)::int as senders,
       current_database()::text as database, quote_ident(current_database()) as sql_database, quote_ident(%s) as sql_publication
"""
ROLE: Final = """
select rolname::text as name, quote_ident(rolname) as sql_name, rolsuper as superuser, rolreplication as replication,
       has_database_privilege(current_database(), 'create') as can_create
from pg_roles where rolname = current_user
"""
SLOT: Final = """
select s.plugin::text as plugin, s.slot_type, s.database::text as database, s.temporary, s.active_pid,
       coalesce(a.application_name, '') as application, coalesce(s.wal_status, '') as wal_status,
       coalesce(to_jsonb(s) ->> 'invalidation_reason', '') as reason, s.safe_wal_size as safe,
       coalesce(pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
                                s.restart_lsn), 0)::bigint as retained
from pg_replication_slots s left join pg_stat_activity a on a.pid = s.active_pid where s.slot_name = %s
"""
PUBLICATION: Final = """
select puballtables as all_tables, pg_has_role(pubowner, 'usage') as owned, pg_get_userbyid(pubowner)::text as owner,
       concat(case when pubinsert then 'i' end, case when pubupdate then 'u' end, case when pubdelete then 'd' end,
              case when pubtruncate then 't' end) as operations,
       pubviaroot as via_root, coalesce(to_jsonb(p) ->> 'pubgencols', 'n') = 's' as generated
from pg_publication p where pubname = %s
"""
RELATIONS: Final = """
select c.oid::bigint, n.nspname::text, c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'f', 'v', 'm') and n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname not like 'pg\\_toast%%' order by 2, 3
"""
DETAILS: Final = """
select c.oid::bigint as oid, format('%%I.%%I', n.nspname, c.relname) as sql_name, quote_ident(n.nspname) as sql_schema,
       c.relkind::text as kind, c.relpersistence::text as persistence, c.relispartition as partition, c.relreplident::text as identity,
       exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary) as has_primary_key,
       exists (select from pg_index i where i.indrelid = c.oid and i.indisreplident and i.indisvalid) as identity_index,
       (select quote_ident(x.relname) from pg_index i join pg_class x on x.oid = i.indexrelid
        where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null and 0 <> all (i.indkey)
          and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attnum = any (i.indkey[0:i.indnkeyatts - 1])
                          and not a.attnotnull)
        order by x.relname limit 1) as unique_index,
       has_table_privilege(c.oid, 'select') as readable, has_schema_privilege(n.oid, 'usage') as schema_usable,
       pg_has_role(c.relowner, 'usage') as owned, pg_get_userbyid(c.relowner)::text as owner,
       row_security_active(c.oid) as row_security,
       coalesce(s.n_tup_upd + s.n_tup_del, 0)::bigint as rewrites,
       coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0)::bigint as toasted,
       array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attgenerated <> '' and not a.attisdropped
             order by a.attnum) as generated,
       array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
             and a.attlen = -1 and a.attstorage <> 'p' order by a.attnum) as large,
       array(select array[m.nspname::text, l.relname::text] from pg_partition_tree(c.oid) t join pg_class l on l.oid = t.relid
             join pg_namespace m on m.oid = l.relnamespace where t.isleaf and c.relkind = 'p') as leaves
from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_stat_all_tables s on s.relid = c.oid
where c.oid = any (%s)
"""
COLUMNS: Final = """
select attrelid::bigint, attname::text from pg_attribute where attrelid = any (%s) and attnum > 0 and not attisdropped order by attnum
"""
