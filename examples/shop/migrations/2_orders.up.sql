CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    item TEXT NOT NULL REFERENCES items (name),
    count INTEGER NOT NULL,
    state TEXT NOT NULL,
    price INTEGER
);
