"""The shop's tables, and the goods and people in it at the beginning.

Each row carries `version`, the number of the change that wrote it, 0 for the first filling; so every change can be told from every
other. All tables have REPLICA IDENTITY FULL: an update then says what it replaced, and a delete which version it removed.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, LiteralString

#: The key columns of each table.
TABLES: Final = MappingProxyType(
    {
        "customers": ("id",),
        "products": ("sku",),
        "orders": ("id",),
        "order_lines": ("order_id", "line_no"),
        "payments": ("id",),
    }
)

CREATE: Final[LiteralString] = """
create type order_status as enum ('placed', 'paid', 'shipped');
create table customers (
    id bigint primary key, name text not null, email text not null, address jsonb not null,
    newsletter boolean not null default false, since timestamptz not null default now(), version bigint not null
);
create table products (
    sku varchar(16) primary key, title text not null, price numeric(10,2) not null, stock int not null,
    attributes jsonb, on_sale boolean not null default true, version bigint not null
);
create table orders (
    id uuid primary key, customer_id bigint not null references customers, status order_status not null,
    total numeric(10,2) not null, placed_at timestamptz not null default now(), note text, version bigint not null
);
create table order_lines (
    order_id uuid not null references orders, line_no smallint not null, sku varchar(16) not null references products,
    quantity int not null, price numeric(10,2) not null, version bigint not null, primary key (order_id, line_no)
);
create table payments (
    id uuid primary key, order_id uuid not null references orders, amount numeric(10,2) not null, method text not null,
    accepted boolean not null, paid_at timestamptz not null default now(), version bigint not null
);
create index on orders (customer_id);
create index on payments (order_id);
alter table customers replica identity full;
alter table products replica identity full;
alter table orders replica identity full;
alter table order_lines replica identity full;
alter table payments replica identity full;
"""

#: Fills the empty tables: about 48,000 rows, the same each time but for the keys of orders and payments.
FILL: Final[LiteralString] = """
insert into customers
select n, first || ' ' || last, lower(first) || n || '@example.com',
       jsonb_build_object('street', n % 90 + 1 || ' High Street', 'city', city), n % 3 = 0, now() - n * interval '1 hour', 0
from (select n, (array['Ada', 'Grace', 'Alan', 'Edsger', 'Barbara', 'Donald', 'Radia', 'Edgar'])[n % 8 + 1] as first,
             (array['Smith', 'Okafor', 'Novak', 'Garcia', 'Tanaka', 'Silva', 'Müller'])[n % 7 + 1] as last,
             (array['Lisbon', 'Oslo', 'Kraków', 'Lagos', 'Kyoto'])[n % 5 + 1] as city
      from generate_series(1, 6000) n) people;
insert into products
select 'SKU-' || lpad(n::text, 4, '0'),
       (array['Oak', 'Steel', 'Linen', 'Glass'])[n % 4 + 1] || ' ' || (array['lamp', 'chair', 'bowl', 'shelf', 'clock'])[n % 5 + 1],
       5 + n % 97 + 0.99, 100 + n % 50, jsonb_build_object('weight', n % 40, 'tags', array['home', 'size ' || n % 6]), n % 20 > 0, 0
from generate_series(1, 600) n;
insert into orders
select gen_random_uuid(), n % 6000 + 1, (case when n % 10 = 0 then 'placed' when n % 10 = 1 then 'paid' else 'shipped' end)::order_status,
       10 + n % 500, now() - n * interval '1 minute', case when n % 4 = 0 then 'leave at the door' end, 0
from generate_series(1, 12000) n;
insert into order_lines
select id, line, 'SKU-' || lpad((total::int * 7 + line) % 600 + 1 || '', 4, '0'), line, 5 + total::int % 97 + 0.99, 0
from orders, generate_series(1, total::int % 3 + 1) line;
insert into payments
select gen_random_uuid(), id, total, (array['card', 'transfer', 'invoice'])[total::int % 3 + 1], true, placed_at + interval '5 minutes', 0
from orders where status <> 'placed';
"""
