-- Which processes are alive: what one of them may use of a limit that all share depends on their number.
CREATE TABLE processes (
    id          TEXT    NOT NULL PRIMARY KEY,
    alive_until INTEGER NOT NULL
) STRICT;
