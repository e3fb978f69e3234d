CREATE TABLE pr (id int unsigned AUTO_INCREMENT PRIMARY KEY, d decimal(9,3), v varchar(33) COMMENT 'a comment', b bit(3), e enum('a','b'), t timestamp(3) NULL, dt datetime(6), bl blob, g int AS (2) VIRTUAL, m varchar(20), mt varchar(20));
INSERT INTO pr(d,v) VALUES (1,'x');
