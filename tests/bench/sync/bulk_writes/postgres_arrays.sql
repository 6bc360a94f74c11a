INSERT INTO records (organization, kind, id, location, version, origin, position, search, doc, revision, deleted)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::text[],
    $9::text[], $10::bigint[], $11::bigint[])
ON CONFLICT (organization, kind, id) DO UPDATE SET location = excluded.location, version = excluded.version,
    origin = excluded.origin, position = excluded.position, search = excluded.search, doc = excluded.doc,
    revision = excluded.revision, deleted = excluded.deleted
