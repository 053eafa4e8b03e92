-- What documents of runtimes tell beside events: of an image its digests and names, of a container its lifetime.
-- A time of 1970 means "not told". Events leave the three times empty: an event has its own.
ALTER TABLE runtime
    ADD COLUMN IF NOT EXISTS image_digest String AFTER image,                          -- sha256:... of the manifest, as a registry knows it
    ADD COLUMN IF NOT EXISTS image_id String AFTER image_digest,                       -- sha256:... of the configuration, as the node knows it
    ADD COLUMN IF NOT EXISTS image_names Array(String) AFTER image_id,                 -- of an image document: every name and digest reference
    ADD COLUMN IF NOT EXISTS created_at DateTime64(9, 'UTC') AFTER cgroup,             -- of a container document
    ADD COLUMN IF NOT EXISTS started_at DateTime64(9, 'UTC') AFTER created_at,
    ADD COLUMN IF NOT EXISTS finished_at DateTime64(9, 'UTC') AFTER started_at;

ALTER TABLE containers ADD COLUMN IF NOT EXISTS image_digest String AFTER image; -- of the manifest, '' unknown
