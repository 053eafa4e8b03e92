// What goes wrong at a broker: which of the errors of kafkajs, of TLS and of the network an operator has to mend, and which pass.
import { SinkError } from '../sink.ts';

const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);

// Wrong address, user, password, mechanism, permission or name of a topic. `ILLEGAL_SASL_STATE` comes of a listener without SASL.
const REFUSALS = new Set([
  'KafkaAddressError',
  'KafkaJSSASLAuthenticationError',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'ILLEGAL_SASL_STATE',
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  'INVALID_TOPIC_EXCEPTION',
  'POLICY_VIOLATION',
  'INVALID_CONFIG',
  // the name is known to no resolver
  'ENOTFOUND',
]);
// OpenSSL's words for certificates that do not fit (X509_V_ERR_*), as Node passes them on, and its own for the rest of TLS
const TLS_REFUSAL = /^(ERR_(SSL|TLS|OSSL)_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO$)/;

interface Cause {
  name?: unknown;
  type?: unknown;
  code?: unknown;
  message?: unknown;
}

/** What it was that kafkajs tried again and again, innermost last. */
function* causesOf(error: unknown, seen = new Set<unknown>()): Iterable<Cause> {
  for (let at = error; typeof at === 'object' && at !== null && !seen.has(at); at = (at as Error).cause) {
    seen.add(at);
    yield at;
    const several = (at as { errors?: unknown }).errors;
    if (Array.isArray(several)) for (const one of several) yield* causesOf(one, seen);
  }
}

/** For a sink: whether to say it aloud, to send less, or only to wait. */
export function toSinkError(error: unknown): SinkError {
  if (error instanceof SinkError) return error;
  const causes = [...causesOf(error)];
  const says = String(causes.at(-1)?.message ?? error);
  const names = causes.flatMap(({ name, type, code }) => [name, type, code]).filter((n) => typeof n === 'string');
  if (names.some((name) => TOO_LARGE.has(name))) return new SinkError('too-large', says, { cause: error });
  const isRefused = names.some((name) => REFUSALS.has(name) || TLS_REFUSAL.test(name));
  return new SinkError(isRefused ? 'refused' : 'unavailable', says, { cause: error });
}
