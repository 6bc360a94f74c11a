CREATE TABLE inbox (
    seq     bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id      text     NOT NULL UNIQUE,
    entity  text     NOT NULL,
    at      bigint   NOT NULL,
    body    bytea    NOT NULL,
    state   smallint NOT NULL DEFAULT 0
);
CREATE INDEX inbox_open ON inbox (seq) WHERE state = 0;
CREATE TABLE documents (id text NOT NULL PRIMARY KEY, at bigint NOT NULL, doc bytea NOT NULL);
