-- Read by SQLite and by PostgreSQL.
CREATE TABLE sandboxes (
    id TEXT PRIMARY KEY,
    team TEXT NOT NULL,
    -- What is to run: `running` or `paused`; `gone` until the node has confirmed it.
    state TEXT NOT NULL,
    document TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    generation BIGINT NOT NULL,
    -- The highest generation that was ever given out. None is given out twice.
    issued BIGINT NOT NULL,
    -- What was stored before a change whose outcome is not known yet, as JSON.
    previous TEXT,
    -- 1 if the node is known to run what is stored.
    settled BIGINT NOT NULL,
    traffic_access_token TEXT NOT NULL,
    -- Who changes it now, and until when; empty if nobody does. Milliseconds of the database's clock.
    lease TEXT NOT NULL,
    lease_until BIGINT NOT NULL
);

CREATE INDEX sandboxes_of_team ON sandboxes (team, id);
