-- The same shop in MySQL. Run once, as root, when the server makes its data; the user cdc is there by then.
create table customers (
    id bigint auto_increment primary key,
    name varchar(100) not null,
    email varchar(100) not null unique
);
create table orders (
    id bigint auto_increment primary key,
    customer_id bigint not null,
    total decimal(10,2) not null,
    placed_at timestamp(6) not null default current_timestamp(6),
    foreign key (customer_id) references customers (id)
);
insert into customers (name, email) values ('Ann', 'ann@example.com'), ('Ben', 'ben@example.com');
insert into orders (customer_id, total) values (1, 12.50), (2, 7.99), (1, 30.00);

grant replication slave, replication client on *.* to 'cdc'@'%';
