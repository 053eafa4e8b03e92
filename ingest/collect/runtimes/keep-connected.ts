// Connection after connection to a runtime's socket, until the collector is to end. A runtime that is absent or restarts is waited for.
import { setTimeout as sleep } from 'node:timers/promises';
import type { CollectorPlace } from '../collector.ts';

const WAIT_MS_MIN = 200;
const WAIT_MS_MAX = 5_000;

/**
 * @param session one connection: calls `connected` once the other end answers, and rejects when the connection is lost
 * @throws what a session throws that is no error of a connection (those have a `code`)
 */
export async function keepConnected(
  place: CollectorPlace,
  address: string,
  session: (connected: () => void) => Promise<void>,
): Promise<void> {
  let waitMs = WAIT_MS_MIN;
  let saidLost = false;
  while (!place.stop.aborted) {
    let connectedMs: number | undefined;
    try {
      await session(() => {
        connectedMs = performance.now();
        if (saidLost) place.say(`${address} answers again`);
        saidLost = false;
      });
    } catch (error) {
      if (!isOfConnection(error)) throw error;
      if (place.stop.aborted) return;
      const what = connectedMs ? 'is lost' : 'does not answer';
      if (!saidLost) place.say(`${address} ${what}: ${error.message.trim().replace(/\s+/g, ' ')}; trying again`);
      saidLost = true;
    }
    // one that comes and goes is not asked for everything five times a second
    if (connectedMs && performance.now() - connectedMs > WAIT_MS_MAX) waitMs = WAIT_MS_MIN;
    await sleep(waitMs, undefined, { signal: place.stop }).catch(() => {});
    waitMs = Math.min(2 * waitMs, WAIT_MS_MAX);
  }
}

/** Told from a bug: the other end's errors have a code in words. */
export const isOfConnection = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && !error.code.startsWith('ERR_');
