-- Times are microseconds since 1970; documents and payloads are JSON text that no statement parses. Names and ids
-- compare by bytes, as in SQLite, whatever the locale of the database.

CREATE TABLE organizations (
    id         text   COLLATE "C" NOT NULL PRIMARY KEY,
    slug       text   COLLATE "C" NOT NULL UNIQUE,
    name       text   NOT NULL,
    created_at bigint NOT NULL
);

-- The organization that owns a location or company of a provider.
CREATE TABLE resource_owners (
    provider     text COLLATE "C" NOT NULL,
    kind         text COLLATE "C" NOT NULL CHECK (kind IN ('location', 'company')),
    id           text COLLATE "C" NOT NULL,
    organization text COLLATE "C" NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    PRIMARY KEY (provider, kind, id)
);
CREATE INDEX resource_owners_by_organization ON resource_owners (organization, provider, kind, id);

CREATE TABLE oauth_states (
    state_hash   text   COLLATE "C" NOT NULL PRIMARY KEY,
    organization text   COLLATE "C" NOT NULL,
    binding      text   NOT NULL,
    expires_at   bigint NOT NULL
);

-- Deleting a connection clears `sealed` and keeps the row, so that its generation never repeats.
CREATE TABLE tokens (
    organization text   COLLATE "C" NOT NULL,
    resource     text   COLLATE "C" NOT NULL,
    generation   bigint NOT NULL,
    sealed       bytea,
    sealed_with  text   COLLATE "C",
    expires_at   bigint,
    state        text   NOT NULL,
    PRIMARY KEY (organization, resource)
);

-- A row outlives its lease, so that its fence never repeats.
CREATE TABLE leases (
    key        text   COLLATE "C" NOT NULL PRIMARY KEY,
    holder     text   COLLATE "C" NOT NULL,
    fence      bigint NOT NULL,
    expires_at bigint NOT NULL
);

-- state: 0 open, 1 done, 2 dead-lettered. A claim sets due_at to the end of its lease. No index contains a column that a
-- claim updates, and the fill factor leaves free space in each page, so a claim is a heap-only update. Rows are inserted in
-- order of arrival, so a BRIN index is enough to find the ones that are old enough to purge.
CREATE SEQUENCE inbox_seq;
CREATE TABLE inbox (
    seq          bigint NOT NULL,
    source       text   COLLATE "C" NOT NULL,
    id           text   COLLATE "C" NOT NULL,
    organization text   COLLATE "C",
    order_key    text   COLLATE "C" NOT NULL,
    kind         text   NOT NULL,
    body         bytea  NOT NULL,
    at           bigint NOT NULL,
    state        bigint NOT NULL DEFAULT 0,
    due_at       bigint NOT NULL,
    attempts     bigint NOT NULL DEFAULT 0,
    fence        bigint NOT NULL DEFAULT 0,
    error        text,
    PRIMARY KEY (source, id)
) WITH (fillfactor = 75);
CREATE INDEX inbox_open ON inbox (coalesce(organization, ''), seq) WHERE state = 0;
CREATE INDEX inbox_order ON inbox (source, order_key, seq) WHERE state = 0;
CREATE INDEX inbox_done ON inbox USING brin (at) WITH (pages_per_range = 64);
CREATE INDEX inbox_dead ON inbox (seq, organization) WHERE state = 2;

-- state as in the inbox. claimed: 1 while a worker holds a claim. rerun_requested_at: set when the task is enqueued again; a
-- claim clears it, so during a claim it means that the task must run once more.
CREATE SEQUENCE outbox_seq;
CREATE TABLE outbox (
    seq                bigint NOT NULL PRIMARY KEY,
    organization       text   COLLATE "C" NOT NULL,
    key                text   COLLATE "C" NOT NULL,
    kind               text   COLLATE "C" NOT NULL,
    order_key          text   COLLATE "C" NOT NULL,
    payload            text   NOT NULL,
    state              bigint NOT NULL DEFAULT 0,
    claimed            bigint NOT NULL DEFAULT 0,
    due_at             bigint NOT NULL,
    rerun_requested_at bigint,
    attempts           bigint NOT NULL DEFAULT 0,
    fence              bigint NOT NULL DEFAULT 0,
    error              text,
    UNIQUE (organization, key)
);
CREATE INDEX outbox_open ON outbox (organization, due_at, seq) WHERE state = 0;
CREATE INDEX outbox_claimed ON outbox (organization, due_at) WHERE state = 0 AND claimed = 1;
CREATE INDEX outbox_order ON outbox (organization, order_key, seq) WHERE state = 0;
CREATE INDEX outbox_done ON outbox (due_at) WHERE state = 1;
CREATE INDEX outbox_dead ON outbox (seq, organization) WHERE state = 2;

CREATE TABLE records (
    organization text   COLLATE "C" NOT NULL,
    kind         text   COLLATE "C" NOT NULL,
    id           text   COLLATE "C" NOT NULL,
    location     text   COLLATE "C",
    version      bigint NOT NULL,
    origin       text   COLLATE "C" NOT NULL CHECK (origin IN ('webhook', 'fetched')),
    position     bigint NOT NULL,
    search       text   COLLATE "C" NOT NULL,
    doc          text   COLLATE "C" NOT NULL,
    revision     bigint NOT NULL,
    deleted      bigint NOT NULL,
    PRIMARY KEY (organization, kind, id)
) WITH (fillfactor = 85);
CREATE INDEX records_live ON records (organization, kind, position, id) WHERE deleted = 0;
CREATE INDEX records_in_location ON records (organization, kind, location, position, id) WHERE deleted = 0;

-- Append-only: one row for each delivery whose effects were committed.
CREATE TABLE event_log (
    seq          bigint GENERATED ALWAYS AS IDENTITY,
    organization text   COLLATE "C",
    source       text   COLLATE "C" NOT NULL,
    delivery     text   COLLATE "C" NOT NULL,
    kind         text   NOT NULL,
    entity       text   COLLATE "C",
    outcome      text   NOT NULL,
    at           bigint NOT NULL DEFAULT (extract(epoch FROM statement_timestamp()) * 1000000)::bigint
);

-- next_run_at is null while a source is stopped. full_requested: 0 an incremental run, 1 a full run, 2 a full run without a
-- deletion limit. full_running: the requests that the current run serves; later ones are in full_requested.
CREATE TABLE syncs (
    organization   text   COLLATE "C" NOT NULL,
    source         text   COLLATE "C" NOT NULL,
    location       text   COLLATE "C" NOT NULL,
    progress       text,
    watermark      bigint,
    last_full_at   bigint,
    last_sync_at   bigint,
    error_count    bigint NOT NULL DEFAULT 0,
    last_error     text,
    next_run_at    bigint,
    full_requested bigint NOT NULL DEFAULT 0,
    full_running   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (organization, source, location)
);
CREATE INDEX syncs_due ON syncs (next_run_at) WHERE next_run_at IS NOT NULL;

-- Records that a full run did not list and that are not confirmed yet.
CREATE TABLE sync_missing (
    organization text COLLATE "C" NOT NULL,
    source       text COLLATE "C" NOT NULL,
    location     text COLLATE "C" NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    id           text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization, source, location, kind, id)
);
CREATE INDEX sync_missing_by_record ON sync_missing (organization, kind, id);

-- The live processes. Each may use its share of a rate limit, so their number matters.
CREATE TABLE processes (
    id         text   COLLATE "C" NOT NULL PRIMARY KEY,
    expires_at bigint NOT NULL
);

-- One sealed document per organization and name. Deleting a setting clears `sealed` and keeps the row, so that its revision
-- never repeats.
CREATE TABLE settings (
    organization text   COLLATE "C" NOT NULL,
    name         text   COLLATE "C" NOT NULL,
    revision     bigint NOT NULL,
    sealed       bytea,
    sealed_with  text   COLLATE "C",
    PRIMARY KEY (organization, name)
);
