-- What organizations have set, a sealed document each. A forgotten setting keeps its row without `sealed`, so that its
-- revision goes on growing.
CREATE TABLE settings (
    organization text   COLLATE "C" NOT NULL,
    name         text   COLLATE "C" NOT NULL,
    revision     bigint NOT NULL,
    sealed       bytea,
    sealed_with  text   COLLATE "C",
    PRIMARY KEY (organization, name)
);
