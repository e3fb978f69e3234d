INSERT INTO pr(d,v) VALUES (2,'y');
ALTER TABLE pr ADD COLUMN z int(11) zerofill, MODIFY v varchar(44);
INSERT INTO pr(d,v) VALUES (2,'y');
