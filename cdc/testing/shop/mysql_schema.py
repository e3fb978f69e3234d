"""The shop's tables as MySQL has them, and the same goods and people at the beginning."""

from __future__ import annotations

from typing import Final

CREATE: Final = """
create table customers (
    id bigint primary key, name varchar(100) not null, email varchar(100) not null, address json not null,
    newsletter boolean not null default false, since timestamp(6) not null default current_timestamp(6), version bigint not null
);
create table products (
    sku varchar(16) primary key, title varchar(100) not null, price numeric(10,2) not null, stock int not null,
    attributes json, on_sale boolean not null default true, version bigint not null
);
create table orders (
    id char(36) primary key, customer_id bigint not null, status enum ('placed', 'paid', 'shipped') not null,
    total numeric(10,2) not null, placed_at timestamp(6) not null default current_timestamp(6), note text, version bigint not null,
    foreign key (customer_id) references customers (id)
);
create table order_lines (
    order_id char(36) not null, line_no smallint not null, sku varchar(16) not null,
    quantity int not null, price numeric(10,2) not null, version bigint not null, primary key (order_id, line_no),
    foreign key (order_id) references orders (id), foreign key (sku) references products (sku)
);
create table payments (
    id char(36) primary key, order_id char(36) not null, amount numeric(10,2) not null, method varchar(16) not null,
    accepted boolean not null, paid_at timestamp(6) not null default current_timestamp(6), version bigint not null,
    foreign key (order_id) references orders (id)
)
"""

#: The numbers from 1 to 100,000, as a common table expression.
NUMBERS: Final = """
with digits (d) as (select 0 union select 1 union select 2 union select 3 union select 4
                    union select 5 union select 6 union select 7 union select 8 union select 9),
     numbers (n) as (select 1 + a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d
                     from digits a, digits b, digits c, digits d, digits e)
"""

#: Fills the empty tables: about 48,000 rows, the same each time but for the keys of orders and payments.
FILL: Final = f"""
insert into customers {NUMBERS}
select n, concat(first, ' ', last), concat(lower(first), n, '@example.com'),
       json_object('street', concat(n % 90 + 1, ' High Street'), 'city', city), n % 3 = 0, now(6) - interval n hour, 0
from (select n, elt(n % 8 + 1, 'Ada', 'Grace', 'Alan', 'Edsger', 'Barbara', 'Donald', 'Radia', 'Edgar') as first,
             elt(n % 7 + 1, 'Smith', 'Okafor', 'Novak', 'Garcia', 'Tanaka', 'Silva', 'Müller') as last,
             elt(n % 5 + 1, 'Lisbon', 'Oslo', 'Kraków', 'Lagos', 'Kyoto') as city
      from numbers where n <= 6000) people;
insert into products {NUMBERS}
select concat('SKU-', lpad(n, 4, '0')),
       concat(elt(n % 4 + 1, 'Oak', 'Steel', 'Linen', 'Glass'), ' ', elt(n % 5 + 1, 'lamp', 'chair', 'bowl', 'shelf', 'clock')),
       5 + n % 97 + 0.99, 100 + n % 50, json_object('weight', n % 40, 'tags', json_array('home', concat('size ', n % 6))),
       n % 20 > 0, 0
from numbers where n <= 600;
insert into orders {NUMBERS}
select uuid(), n % 6000 + 1, case when n % 10 = 0 then 'placed' when n % 10 = 1 then 'paid' else 'shipped' end,
       10 + n % 500, now(6) - interval n minute, case when n % 4 = 0 then 'leave at the door' end, 0
from numbers where n <= 12000;
insert into order_lines
select id, line, concat('SKU-', lpad((floor(total) * 7 + line) % 600 + 1, 4, '0')), line, 5 + floor(total) % 97 + 0.99, 0
from orders join (select 1 as line union select 2 union select 3) l on line <= floor(total) % 3 + 1;
insert into payments
select uuid(), id, total, elt(floor(total) % 3 + 1, 'card', 'transfer', 'invoice'), true, placed_at + interval 5 minute, 0
from orders where status <> 'placed'
"""  # noqa: S608 (no input from outside)
