// One process a spool. An abstract socket is the lock: the kernel takes it away with the process, whatever ends that.
import { statSync } from 'node:fs';
import { createServer } from 'node:net';

export class SpoolBusyError extends Error {
  override readonly name = 'SpoolBusyError';
  readonly code = 'busy';
}

/**
 * @returns what releases it
 * @throws SpoolBusyError
 */
export async function lockSpool(directory: string): Promise<() => Promise<void>> {
  const { dev, ino } = statSync(directory);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isHeld = error.code === 'EADDRINUSE';
      reject(isHeld ? new SpoolBusyError(`the spool ${directory} is used by another collector`) : error);
    });
    server.listen(`\0vestige-spool-${dev}-${ino}`, resolve);
  });
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}
