CREATE TABLE a (id int PRIMARY KEY, v varchar(9));
INSERT INTO a VALUES (1, 'x');
