INSERT INTO records (organization, kind, id, location, version, origin, position, search, doc, revision, deleted)
