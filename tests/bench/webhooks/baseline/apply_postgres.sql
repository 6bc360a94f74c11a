WITH due AS MATERIALIZED (
    SELECT seq, entity, at, body FROM inbox WHERE state = 0 ORDER BY seq LIMIT 512
), written AS (
    INSERT INTO documents AS c
    SELECT DISTINCT ON (entity) entity, at, body FROM due ORDER BY entity, seq DESC
    ON CONFLICT (id) DO UPDATE SET at = excluded.at, doc = excluded.doc WHERE excluded.at >= c.at
)
UPDATE inbox i SET state = 1, body = '' FROM due WHERE i.seq = due.seq
