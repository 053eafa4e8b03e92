-- More of what Kubernetes audit events say: empty where an event was decoded before, until reindex.
-- body may be 'truncated' too: the API server, or AKS, left a body out as too large; nothing is taken from what stands there.
ALTER TABLE k8s_audit
    ADD COLUMN IF NOT EXISTS event_api_version        LowCardinality(String) AFTER body,                       -- audit.k8s.io/v1; '' where an envelope does not say
    ADD COLUMN IF NOT EXISTS impersonated_uid         String AFTER event_api_version,
    ADD COLUMN IF NOT EXISTS impersonated_extra       Map(LowCardinality(String), Array(String)) AFTER impersonated_uid,
    ADD COLUMN IF NOT EXISTS exec_streams             Array(LowCardinality(String)) AFTER impersonated_extra,  -- stdin, stdout, stderr, tty of exec and attach
    ADD COLUMN IF NOT EXISTS image_digests            Array(String) AFTER exec_streams,                        -- sha256:... of images in the spec and image ids in the status
    ADD COLUMN IF NOT EXISTS ephemeral_containers     Array(String) AFTER image_digests,                       -- name=image, of pods/ephemeralcontainers
    ADD COLUMN IF NOT EXISTS token_audiences          Array(String) AFTER ephemeral_containers,                -- of serviceaccounts/token
    ADD COLUMN IF NOT EXISTS token_expiration_seconds UInt64 AFTER token_audiences,
    ADD COLUMN IF NOT EXISTS token_bound_to           String AFTER token_expiration_seconds,                   -- kind:name:uid of the object the token ends with
    ADD COLUMN IF NOT EXISTS webhook_targets          Array(String) AFTER token_bound_to;                      -- URL, or namespace/service/path, of admission webhooks
