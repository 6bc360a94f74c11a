INSERT INTO records (organization, kind, id, location, version, origin, position, search, doc, revision, deleted)
SELECT r.value->>'organization', r.value->>'kind', r.value->>'id', r.value->>'location', r.value->>'version',
       r.value->>'origin', r.value->>'position', r.value->>'search', r.value->>'doc', r.value->>'revision',
       r.value->>'deleted'
FROM json_each($1) r WHERE true
ON CONFLICT (organization, kind, id) DO UPDATE SET location = excluded.location, version = excluded.version,
    origin = excluded.origin, position = excluded.position, search = excluded.search, doc = excluded.doc,
    revision = excluded.revision, deleted = excluded.deleted
