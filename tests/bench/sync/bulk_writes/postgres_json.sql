INSERT INTO records (organization, kind, id, location, version, origin, position, search, doc, revision, deleted)
SELECT organization, kind, id, location, version, origin, position, search, doc, revision, deleted
FROM jsonb_to_recordset($1::jsonb) AS r (organization text, kind text, id text, location text, version bigint, origin text,
    position bigint, search text, doc text, revision bigint, deleted bigint)
ON CONFLICT (organization, kind, id) DO UPDATE SET location = excluded.location, version = excluded.version,
    origin = excluded.origin, position = excluded.position, search = excluded.search, doc = excluded.doc,
    revision = excluded.revision, deleted = excluded.deleted
