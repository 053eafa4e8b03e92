import { describe, expect, it } from 'vitest';
import { parseConfig } from './config.ts';

describe('the configuration of collectors', () => {
  it('has a default for all but where to', () => {
    expect(parseConfig(null, 'f')).toMatchObject({
      cluster: 'default',
      spool: { directory: 'vestige-spool', max_bytes: 2 ** 30, max_age: 604_800_000 },
      containerd: { socket: '/run/containerd/containerd.sock' },
    });
  });

  it('reads sizes, durations and addresses', () => {
    const config = parseConfig(
      { spool: { max_bytes: '512 MiB', max_age: '36h' }, k8s_audit: { listen: '[::1]:9443' } },
      'f',
    );
    expect(config.spool).toMatchObject({ max_bytes: 512 * 2 ** 20, max_age: 36 * 3_600_000 });
    expect(config.k8s_audit.listen).toEqual({ host: '::1', port: 9443 });
    expect(parseConfig({ k8s_audit: { listen: ':9443' } }, 'f').k8s_audit.listen).toEqual({
      host: '0.0.0.0',
      port: 9443,
    });
  });

  it('names every fault, and what it does not know', () => {
    expect(() =>
      parseConfig(
        { spool: { max_bytes: '1 MB', max_age: 'long' }, kafka: 1, k8s_audit: { listen: 'x' } },
        'collect.yml',
      ),
    ).toThrow(
      /^collect\.yml: spool\.max_bytes: .*; spool\.max_age: a number with s, m, h or d; k8s_audit\.listen: host:port; the whole: .*kafka/,
    );
    expect(() => parseConfig({ spool: { max_bytes: 4096 } }, 'f')).toThrow(/at least 8 MiB/);
    expect(() => parseConfig({ k8s_audit: { listen: 'host:70000' } }, 'f')).toThrow(/at most 65535/);
  });
});
