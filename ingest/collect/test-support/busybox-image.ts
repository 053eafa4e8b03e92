// A container image of one program, made from the busybox of this machine: an OCI image layout in a tar, as `ctr images import` and
// registries take it. For tests.
// Specification: https://github.com/opencontainers/image-spec/blob/main/image-layout.md, .../layer.md; ustar: POSIX.1-1988
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const BLOCK_BYTES = 512;
/** Names under which busybox runs as that program. */
const APPLETS = ['sh', 'true', 'false', 'sleep', 'echo', 'cat', 'ls', 'touch', 'head'];

interface TarEntry {
  name: string;
  mode: number;
  type: 'file' | 'directory' | 'symlink';
  target?: string;
  bytes?: Buffer;
}

/** By default it sleeps: it serves as the pause image of a sandbox. The same bytes for the same arguments: the digest of the image is known before it is imported. */
export function busyboxImage(reference: string, busybox: string): { tar: Buffer; digest: string } {
  const layer = tarOf([
    { name: 'bin/', mode: 0o755, type: 'directory' },
    { name: 'tmp/', mode: 0o1777, type: 'directory' },
    { name: 'bin/busybox', mode: 0o755, type: 'file', bytes: readFileSync(busybox) },
    ...APPLETS.map((name): TarEntry => ({ name: `bin/${name}`, mode: 0o777, type: 'symlink', target: 'busybox' })),
  ]);
  const config = json({
    created: '2024-01-01T00:00:00Z',
    architecture: { x64: 'amd64' }[process.arch as string] ?? process.arch,
    os: 'linux',
    config: { Env: ['PATH=/bin', 'FROM_IMAGE=yes'], Cmd: ['sleep', '86400'] },
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
    history: [{ created: '2024-01-01T00:00:00Z', created_by: 'busybox' }],
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar', layer)],
  });
  const named = {
    ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest),
    annotations: { 'io.containerd.image.name': reference },
  };
  const blobs = [layer, config, manifest].map(
    (bytes): TarEntry => ({ name: `blobs/sha256/${digestOf(bytes).slice(7)}`, mode: 0o644, type: 'file', bytes }),
  );
  const tar = tarOf([
    { name: 'oci-layout', mode: 0o644, type: 'file', bytes: json({ imageLayoutVersion: '1.0.0' }) },
    { name: 'index.json', mode: 0o644, type: 'file', bytes: json({ schemaVersion: 2, manifests: [named] }) },
    ...blobs,
  ]);
  return { tar, digest: digestOf(manifest) };
}

const json = (value: object) => Buffer.from(JSON.stringify(value));
const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const descriptor = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: digestOf(bytes), size: bytes.length });

function tarOf(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const bytes = entry.bytes ?? Buffer.alloc(0);
    return [tarHeader(entry, bytes.length), bytes, Buffer.alloc(-bytes.length & (BLOCK_BYTES - 1))];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK_BYTES)]);
}

const TYPE_FLAGS = { file: '0', symlink: '2', directory: '5' };

function tarHeader({ name, mode, type, target = '' }: TarEntry, size: number): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, at: number, width: number) =>
    header.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at);
  header.write(name, 0);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  header.write(TYPE_FLAGS[type], 156);
  header.write(target, 157);
  header.write('ustar\u000000', 257);
  header.fill(' ', 148, 156); // the checksum counts itself as spaces
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return header;
}
