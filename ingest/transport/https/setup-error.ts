// What an operator has to mend before an endpoint can open or an address be used: told at start, never retried.

type SetupErrorCode =
  /** Anybody could write evidence. */
  | 'no-authentication'
  /** A file of certificates, keys or tokens cannot be read, or does not hold that. */
  | 'file'
  /** The address cannot be listened on, or is none. */
  | 'address';

export class HttpsSetupError extends Error {
  override readonly name = 'HttpsSetupError';
  readonly retriable = false;
  readonly code: SetupErrorCode;
  constructor(code: SetupErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether only this host can reach it. `localhost` is taken by its word: resolvers that send it elsewhere break RFC 6761. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
