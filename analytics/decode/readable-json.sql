-- An expression over `raw`: the JSON of a Kubernetes event as the engine can read it, '' when it cannot.
-- The API server copies the body of a patch as the client wrote it, and Go takes what the engine's parser refuses: the escape of
-- half a surrogate pair, bytes that are no UTF-8, nesting deeper than 1024, numbers without end. None of these may hide a request:
-- the first two are replaced by U+FFFD; a body that is still unreadable is left out.
multiIf(
    isValidJSON(raw), raw,
    isValidJSON(replaceRegexpAll(toValidUTF8(raw), '\\\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '\\\\ufffd') AS mended_json), mended_json,
    isValidJSON(replaceRegexpOne(mended_json, '(?s),"(?:requestObject|responseObject)":.*(,"requestReceivedTimestamp":)', '\\1') AS bodiless_json), bodiless_json,
    '')
