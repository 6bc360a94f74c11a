-- What organizations have set, a sealed document each. A forgotten setting keeps its row without `sealed`, so that its
-- revision goes on growing.
CREATE TABLE settings (
    organization TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    revision     INTEGER NOT NULL,
    sealed       BLOB,
    sealed_with  TEXT,
    PRIMARY KEY (organization, name)
) STRICT;
