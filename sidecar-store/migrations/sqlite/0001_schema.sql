-- Times are microseconds since 1970; documents and payloads are JSON text that no statement parses.

CREATE TABLE organizations (
    id         TEXT    NOT NULL PRIMARY KEY,
    slug       TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- The organization that owns a location or company of a provider.
CREATE TABLE resource_owners (
    provider     TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('location', 'company')),
    id           TEXT NOT NULL,
    organization TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    PRIMARY KEY (provider, kind, id)
) STRICT;
CREATE INDEX resource_owners_by_organization ON resource_owners (organization, provider, kind, id);

CREATE TABLE oauth_states (
    state_hash   TEXT    NOT NULL PRIMARY KEY,
    organization TEXT    NOT NULL,
    binding      TEXT    NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT;

-- Deleting a connection clears `sealed` and keeps the row, so that its generation never repeats.
CREATE TABLE tokens (
    organization TEXT    NOT NULL,
    resource     TEXT    NOT NULL,
    generation   INTEGER NOT NULL,
    sealed       BLOB,
    sealed_with  TEXT,
    expires_at   INTEGER,
    state        TEXT    NOT NULL,
    PRIMARY KEY (organization, resource)
) STRICT;

-- A row outlives its lease, so that its fence never repeats.
CREATE TABLE leases (
    key        TEXT    NOT NULL PRIMARY KEY,
    holder     TEXT    NOT NULL,
    fence      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- state: 0 open, 1 done, 2 dead-lettered. A claim sets due_at to the end of its lease.
CREATE TABLE inbox (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    source       TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    organization TEXT,
    order_key    TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    body         BLOB    NOT NULL,
    at           INTEGER NOT NULL,
    state        INTEGER NOT NULL DEFAULT 0,
    due_at       INTEGER NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    fence        INTEGER NOT NULL DEFAULT 0,
    error        TEXT,
    UNIQUE (source, id)
) STRICT;
CREATE INDEX inbox_open ON inbox (coalesce(organization, ''), seq, due_at, source, order_key) WHERE state = 0;
CREATE INDEX inbox_order ON inbox (source, order_key, due_at, seq) WHERE state = 0;
CREATE INDEX inbox_done ON inbox (at) WHERE state = 1;
CREATE INDEX inbox_dead ON inbox (seq, organization) WHERE state = 2;

-- state as in the inbox. claimed: 1 while a worker holds a claim. rerun_requested_at: set when the task is enqueued again; a
-- claim clears it, so during a claim it means that the task must run once more.
CREATE TABLE outbox (
    seq                INTEGER PRIMARY KEY AUTOINCREMENT,
    organization       TEXT    NOT NULL,
    key                TEXT    NOT NULL,
    kind               TEXT    NOT NULL,
    order_key          TEXT    NOT NULL,
    payload            TEXT    NOT NULL,
    state              INTEGER NOT NULL DEFAULT 0,
    claimed            INTEGER NOT NULL DEFAULT 0,
    due_at             INTEGER NOT NULL,
    rerun_requested_at INTEGER,
    attempts           INTEGER NOT NULL DEFAULT 0,
    fence              INTEGER NOT NULL DEFAULT 0,
    error              TEXT,
    UNIQUE (organization, key)
) STRICT;
CREATE INDEX outbox_open ON outbox (organization, due_at, seq, kind, order_key) WHERE state = 0;
CREATE INDEX outbox_claimed ON outbox (organization, due_at, kind) WHERE state = 0 AND claimed = 1;
CREATE INDEX outbox_order ON outbox (organization, order_key, seq) WHERE state = 0;
CREATE INDEX outbox_done ON outbox (due_at) WHERE state = 1;
CREATE INDEX outbox_dead ON outbox (seq, organization) WHERE state = 2;

CREATE TABLE records (
    organization TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    location     TEXT,
    version      INTEGER NOT NULL,
    origin       TEXT    NOT NULL CHECK (origin IN ('webhook', 'fetched')),
    position     INTEGER NOT NULL,
    search       TEXT    NOT NULL,
    doc          TEXT    NOT NULL,
    revision     INTEGER NOT NULL,
    deleted      INTEGER NOT NULL,
    PRIMARY KEY (organization, kind, id)
) STRICT;
CREATE INDEX records_live ON records (organization, kind, position, id) WHERE deleted = 0;
CREATE INDEX records_in_location ON records (organization, kind, location, position, id) WHERE deleted = 0;

-- Append-only: one row for each delivery whose effects were committed.
CREATE TABLE event_log (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    organization TEXT,
    source       TEXT    NOT NULL,
    delivery     TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    entity       TEXT,
    outcome      TEXT    NOT NULL,
    at           INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER))
) STRICT;

-- next_run_at is null while a source is stopped. full_requested: 0 an incremental run, 1 a full run, 2 a full run without a
-- deletion limit. full_running: the requests that the current run serves; later ones are in full_requested.
CREATE TABLE syncs (
    organization   TEXT    NOT NULL,
    source         TEXT    NOT NULL,
    location       TEXT    NOT NULL,
    progress       TEXT,
    watermark      INTEGER,
    last_full_at   INTEGER,
    last_sync_at   INTEGER,
    error_count    INTEGER NOT NULL DEFAULT 0,
    last_error     TEXT,
    next_run_at    INTEGER,
    full_requested INTEGER NOT NULL DEFAULT 0,
    full_running   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (organization, source, location)
) STRICT;
CREATE INDEX syncs_due ON syncs (next_run_at) WHERE next_run_at IS NOT NULL;

-- Records that a full run did not list and that are not confirmed yet.
CREATE TABLE sync_missing (
    organization TEXT NOT NULL,
    source       TEXT NOT NULL,
    location     TEXT NOT NULL,
    kind         TEXT NOT NULL,
    id           TEXT NOT NULL,
    PRIMARY KEY (organization, source, location, kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sync_missing_by_record ON sync_missing (organization, kind, id);

-- The live processes. Each may use its share of a rate limit, so their number matters.
CREATE TABLE processes (
    id         TEXT    NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT;

-- One sealed document per organization and name. Deleting a setting clears `sealed` and keeps the row, so that its revision
-- never repeats.
CREATE TABLE settings (
    organization TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    revision     INTEGER NOT NULL,
    sealed       BLOB,
    sealed_with  TEXT,
    PRIMARY KEY (organization, name)
) STRICT;
