-- Which processes are alive: what one of them may use of a limit that all share depends on their number.
CREATE TABLE processes (
    id          text   COLLATE "C" NOT NULL PRIMARY KEY,
    alive_until bigint NOT NULL
);
