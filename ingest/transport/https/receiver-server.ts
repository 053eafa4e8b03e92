// The receiver on a port of its own, for the page of `vestige up` is on loopback only.
import { type IntakeServerOptions, openIntake } from './open-intake.ts';
import { RECORDS_PATH } from './protocol.ts';
import { createReceiver, type ReceiverOptions } from './receiver.ts';

export interface ReceiverServer {
  /** Of the path that takes records. */
  readonly url: string;
  readonly port: number;
  /** Answers what is being loaded, then closes. The loader is whose it was. */
  close(): Promise<void>;
}

// A collector on a thin line has a minute for its batch, as its sink gives itself.
const REQUEST_TIMEOUT_MS = 60_000;
// Two loads of the largest size.
const GRACE_MS = 20_000;

/** @throws HttpsSetupError */
export async function openReceiver(options: IntakeServerOptions & ReceiverOptions): Promise<ReceiverServer> {
  const say = (text: string) => options.say(`receiver: ${text}`);
  const settings = { requestTimeoutMs: REQUEST_TIMEOUT_MS, ...options };
  const { address, port, close } = await openIntake(settings, say, () => createReceiver({ ...options, say }));
  return { url: `https://${address}${RECORDS_PATH}`, port, close: () => close(GRACE_MS) };
}
