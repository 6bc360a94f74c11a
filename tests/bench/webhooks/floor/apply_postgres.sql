WITH due AS MATERIALIZED (
    SELECT seq, contact, at, body FROM inbox WHERE state = 0 ORDER BY seq LIMIT 512
), written AS (
    INSERT INTO contacts AS c
    SELECT DISTINCT ON (contact) contact, at, body FROM due ORDER BY contact, seq DESC
    ON CONFLICT (id) DO UPDATE SET at = excluded.at, doc = excluded.doc WHERE excluded.at >= c.at
)
UPDATE inbox i SET state = 1, body = '' FROM due WHERE i.seq = due.seq
