BEGIN IMMEDIATE;
INSERT INTO documents SELECT entity, at, body FROM inbox WHERE state = 0 ORDER BY seq LIMIT 512
ON CONFLICT (id) DO UPDATE SET at = excluded.at, doc = excluded.doc WHERE excluded.at >= documents.at;
UPDATE inbox SET state = 1, body = x'' WHERE seq IN (SELECT seq FROM inbox WHERE state = 0 ORDER BY seq LIMIT 512);
COMMIT;
