-- The shop in PostgreSQL, and a role that may capture it and nothing else. Run once, by psql, when the server makes its data.
create table customers (
    id bigint generated always as identity primary key,
    name text not null,
    email text not null unique
);
create table orders (
    id bigint generated always as identity primary key,
    customer_id bigint not null references customers,
    total numeric(10,2) not null,
    placed_at timestamptz not null default now()
);
insert into customers (name, email) values ('Ann', 'ann@example.com'), ('Ben', 'ben@example.com');
insert into orders (customer_id, total) values (1, 12.50), (2, 7.99), (1, 30.00);

\getenv password CDC_PASSWORD
create role cdc login replication password :'password';
grant select on customers, orders to cdc;
create publication shop for table customers, orders;
