CREATE TABLE items (name TEXT PRIMARY KEY, price INTEGER NOT NULL);
INSERT INTO items VALUES ('tea', 3), ('cup', 7);
