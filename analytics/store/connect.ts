// From what a user writes after --store to an open store with its schema in place.
import { z } from 'zod';
import { openEmbedded } from './embedded.ts';
import { checkSchema, migrate } from './migrate.ts';
import { openRemote } from './remote.ts';
import { type Store, StoreError } from './store.ts';

const Location = z.union([
  z
    .templateLiteral(['embedded:', z.string().min(1)])
    .transform((text) => ({ kind: 'embedded' as const, directory: text.slice('embedded:'.length) })),
  z.url({ protocol: /^https?$/ }).transform((text) => ({ kind: 'server' as const, url: new URL(text) })),
]);

/**
 * Opens `embedded:DIR` or `http(s)://user:password@host:port/database`.
 * @param command how this process is named to others that find the directory held
 * @throws StoreError
 */
export async function connect(location: string, command: string): Promise<Store> {
  const parsed = Location.safeParse(location);
  if (!parsed.success) {
    throw new StoreError(
      'bad-location',
      `not a store: ${location} (embedded:DIR or http(s)://user:password@host:port/database)`,
    );
  }
  if (parsed.data.kind === 'embedded') {
    return openEmbedded(location, parsed.data.directory, command, { bring: migrate, check: checkSchema });
  }
  const store = await openServer(parsed.data.url);
  try {
    await migrate(store);
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

function openServer(url: URL): Promise<Store> {
  const database = url.pathname.slice(1);
  return openRemote({
    location: `${url.protocol}//${url.host}${url.pathname}`,
    url: `${url.protocol}//${url.host}`,
    username: decodeURIComponent(url.username) || 'default',
    password: decodeURIComponent(url.password),
    ...(database === '' ? {} : { database }),
  });
}
