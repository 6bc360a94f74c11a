
ON CONFLICT (organization, kind, id) DO UPDATE SET location = excluded.location, version = excluded.version,
    origin = excluded.origin, position = excluded.position, search = excluded.search, doc = excluded.doc,
    revision = excluded.revision, deleted = excluded.deleted
